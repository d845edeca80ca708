//! Signing up, in and out, using only forms; and the security headers.

use std::{
    collections::BTreeSet,
    io::Write,
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use futures::future::join;
use protocol::{Density, ErrorCode, FormName, ListSection, PageContent, Pane, Theme, WhoMaySignUp};
use sqlx::PgPool;

use crate::site::{Answer, Browser, Folder, House, ORIGIN, PASSWORD};

// --- Signing up ----------------------------------------------------------------------------------

#[sqlx::test(migrations = "../migrations")]
async fn the_first_person_becomes_the_administrator_and_names_the_workspace(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let ana = house.browser();
    assert_eq!(ana.visit("/").await.leads_to(), "/sign-up");
    assert_eq!(ana.visit("/sign-up").await.page().sign_up, WhoMaySignUp::First);
    ana.sign_up("ana").await.leads_to();
    assert_eq!(ana.visit("/").await.leads_to(), "/set-up");
    assert!(ana.visit("/set-up").await.page().signed_in().unwrap().viewer.role.is_admin());

    let answer = ana.fill("/set-up", &[("place", " "), ("channel", "General")]).await;
    answer.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::TextEmpty, "place");
    assert_eq!(answer.form().value("channel").unwrap(), "General");
    assert_eq!(
        ana.fill("/set-up", &[("place", "Harbour"), ("channel", "General")]).await.leads_to(),
        "/set-up"
    );

    let page = ana.visit("/set-up").await.page();
    assert_eq!((page.workspace_name.as_str(), page.signed_in().unwrap().rooms.len()), ("Harbour", 1));
    let Some(Pane::SetUp { link: Some(link) }) = page.pane() else { panic!("no link: {page:?}") };
    assert!(link.starts_with(&format!("{ORIGIN}/invite/")), "{link}");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_workspace_is_set_up_once_and_by_its_administrator_only(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let ana = house.newcomer("ana").await;
    let bea = house.newcomer("bea").await;
    let fields = [("place", "Lighthouse"), ("channel", "General")];
    let answer = bea.fill("/set-up", &fields).await;
    answer.assert_refused(StatusCode::FORBIDDEN, ErrorCode::Forbidden, "");
    let (first, second) = join(ana.fill("/set-up", &fields), ana.fill("/set-up", &fields)).await;
    first.leads_to();
    second.leads_to();
    assert_eq!(ana.fill("/set-up", &[("place", "Other"), ("channel", "Other")]).await.leads_to(), "/");
    let page = ana.visit("/").await.page();
    assert_eq!((page.workspace_name.as_str(), page.signed_in().unwrap().rooms.len()), ("Lighthouse", 1));
}

#[sqlx::test(migrations = "../migrations")]
async fn of_two_who_come_first_at_once_one_is_the_administrator_and_the_other_needs_an_invitation(
    pool: PgPool,
) {
    let house = House::new(pool, &[]).await;
    let (ana, bea) = (house.browser(), house.browser());
    let (left, right) = join(ana.sign_up("ana"), bea.sign_up("bea")).await;
    let statuses = BTreeSet::from([left.status, right.status]);
    assert_eq!(statuses, BTreeSet::from([StatusCode::SEE_OTHER, StatusCode::UNPROCESSABLE_ENTITY]));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_newcomer_by_invitation_lands_in_the_first_channel(pool: PgPool) {
    let house = House::new(pool, &["--invitation-uses=1"]).await;
    let ana = house.newcomer("ana").await;
    ana.fill("/set-up", &[("place", "Harbour"), ("channel", "General")]).await.leads_to();
    let link = new_link(&ana).await;

    let bea = house.browser();
    let answer = bea.visit(&link).await;
    assert!(answer.text().contains("action=\"/sign-up\""));
    let page = answer.page();
    let PageContent::Invited { token } = page.content else { panic!("no invitation: {page:?}") };
    assert_eq!(link, format!("/invite/{token}"));
    let fields = [("handle", "bea"), ("name", "Bea"), ("password", PASSWORD), ("invitation", &token)];
    let to = bea.fill("/sign-up", &fields).await.leads_to().to_owned();
    let room = bea.visit(&to).await.page().room().cloned().expect("the first channel");
    assert_eq!((room.summary.room.title.as_str(), room.members.len()), ("General", 2));

    // That was its last use.
    let cem = house.browser();
    let answer = cem.visit(&link).await;
    answer.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvitationInvalid, "invitation");
    assert!(!answer.text().contains("action=\"/sign-up\""), "no form that could only be refused");
    let fields = [("handle", "cem"), ("name", "Cem"), ("password", PASSWORD), ("invitation", &token)];
    let answer = cem.fill("/sign-up", &fields).await;
    answer.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvitationInvalid, "invitation");
    assert_eq!(answer.form().value("handle").unwrap(), "cem");
}

#[sqlx::test(migrations = "../migrations")]
async fn without_an_invitation_nobody_comes_unless_the_workspace_is_open(pool: PgPool) {
    let by_invitation = House::new(pool.clone(), &[]).await;
    by_invitation.newcomer("ana").await;
    let answer = by_invitation.browser().sign_up("bea").await;
    answer.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvitationInvalid, "invitation");
    let open = House::new(pool.clone(), &["--sign-up=open"]).await;
    open.newcomer("bea").await;
    let closed = House::new(pool, &["--sign-up=closed"]).await;
    let answer = closed.browser().sign_up("cem").await;
    answer.assert_refused(StatusCode::FORBIDDEN, ErrorCode::SignUpClosed, "");
    assert_eq!(closed.browser().visit("/sign-in").await.page().sign_up, WhoMaySignUp::Closed);
}

#[sqlx::test(migrations = "../migrations")]
async fn while_sign_up_is_closed_old_invitations_are_void_and_nobody_makes_new_ones(pool: PgPool) {
    let house = House::new(pool.clone(), &[]).await;
    let ana = house.newcomer("ana").await;
    let link = new_link(&ana).await;
    let closed = House::new(pool, &["--sign-up=closed"]).await;
    let answer = closed.browser().visit(&link).await;
    answer.assert_refused(StatusCode::FORBIDDEN, ErrorCode::SignUpClosed, "");
    let ana_again = closed.browser();
    ana_again.sign_in("ana", PASSWORD).await.leads_to();
    let answer = ana_again.fill("/invitations", &[]).await;
    assert_eq!((answer.status, answer.refused()), (StatusCode::FORBIDDEN, Some(ErrorCode::SignUpClosed)));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refused_sign_up_blames_a_field_and_keeps_what_was_typed_but_the_password(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    house.newcomer("ana").await;
    let secret = "hush-hush-hush";
    for (handle, name, password, code, field) in [
        ("Ana", "Bea", secret, ErrorCode::HandleTaken, "handle"),
        ("b", "Bea", secret, ErrorCode::HandleInvalid, "handle"),
        ("bea", " ", secret, ErrorCode::TextEmpty, "name"),
        ("bea", "Bea", "hush-hush", ErrorCode::PasswordTooShort, "password"),
    ] {
        let fields = [("handle", handle), ("name", name), ("password", password), ("next", "/settings")];
        let answer = house.browser().fill("/sign-up", &fields).await;
        let form = answer.form();
        assert_eq!((form.refusal.code, form.field.as_str()), (code, field));
        assert_eq!(form.form, FormName::SignUp);
        assert_eq!(form.value("handle").unwrap(), handle);
        assert_eq!(form.value("name").unwrap(), name);
        assert_eq!(form.value("next").unwrap(), "/settings");
        assert!(form.value("password").is_none());
        assert!(!answer.text().contains("hush"), "a password is in the page");
        assert!(answer.set_cookies().is_empty());
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_typed_cannot_break_out_of_the_page(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let evil = "</script><script>alert(1)</script>\"><img src=x onerror=alert(1)>";
    let fields = [("handle", evil), ("name", evil), ("password", PASSWORD)];
    let answer = house.browser().fill("/sign-up", &fields).await;
    assert_eq!(answer.form().value("handle").unwrap(), evil);
    let html = answer.text();
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{html}");
}

// --- Signing in and out --------------------------------------------------------------------------

#[sqlx::test(migrations = "../migrations")]
async fn a_wrong_password_and_an_unknown_handle_get_the_same_answer(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    house.newcomer("ana").await;
    let wrong = house.browser().sign_in("ana", "wrong password").await;
    let unknown = house.browser().sign_in("bea", "wrong password").await;
    for answer in [&wrong, &unknown] {
        answer.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::CredentialsWrong, "");
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(wrong.form().refusal, unknown.form().refusal);
    assert_eq!(wrong.form().value("handle").unwrap(), "ana");
}

#[sqlx::test(migrations = "../migrations")]
async fn one_signs_in_again_and_goes_on_where_one_wanted_to_be(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    house.newcomer("ana").await;
    let browser = house.browser();
    assert_eq!(browser.visit("/settings").await.leads_to(), "/sign-in?next=/settings");
    let fields = [("handle", "@Ana"), ("password", PASSWORD), ("next", "/settings")];
    assert_eq!(browser.fill("/sign-in", &fields).await.leads_to(), "/settings");
    assert_eq!(browser.visit("/sign-in").await.leads_to(), "/");
    assert_eq!(browser.visit("/sign-in?next=%2Fsettings").await.leads_to(), "/settings");
    assert_eq!(browser.visit("/sign-in?next=%2F%2Fevil.example").await.leads_to(), "/");
    assert_eq!(browser.visit("/sign-up").await.leads_to(), "/");
    let fields = [("handle", "ana"), ("password", PASSWORD), ("next", "//evil.example")];
    assert_eq!(house.browser().fill("/sign-in", &fields).await.leads_to(), "/");
}

#[sqlx::test(migrations = "../migrations")]
async fn after_signing_out_the_cookie_is_worth_nothing(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let ana = house.newcomer("ana").await;
    let kept = ana.cookies.borrow().clone();
    assert_eq!(ana.fill("/sign-out", &[]).await.leads_to(), "/sign-in");
    assert!(ana.cookies.borrow().is_empty());
    let thief = house.browser();
    thief.cookies.replace(kept);
    assert_eq!(thief.visit("/settings").await.leads_to(), "/sign-in?next=/settings");
}

#[sqlx::test(migrations = "../migrations")]
async fn too_many_sign_ins_are_slowed_down_with_a_time_to_wait(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open", "--sign-ins-per-account-per-min=2"]).await;
    house.newcomer("ana").await;
    for _ in 0..2 {
        house.browser().sign_in("ana", "wrong password").await;
    }
    let answer = house.browser().sign_in("ana", PASSWORD).await;
    answer.assert_refused(StatusCode::TOO_MANY_REQUESTS, ErrorCode::SlowDown, "");
    assert!(answer.form().refusal.retry_ms.unwrap() > 0);
    assert!((1..=30).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(answer.form().value("handle").unwrap(), "ana");
    // Another account is not rate limited.
    house.browser().sign_in("bea", PASSWORD).await.assert_refused(
        StatusCode::UNAUTHORIZED,
        ErrorCode::CredentialsWrong,
        "",
    );
}

#[sqlx::test(migrations = "../migrations")]
async fn an_address_is_slowed_down_and_its_neighbour_is_not(pool: PgPool) {
    let settings = ["--sign-up=open", "--sign-ins-per-min=2", "--trusted-proxies=1"];
    let house = House::new(pool, &settings).await;
    let sign_in =
        async |address: &'static str| house.browser_at(address).sign_in("ana", "wrong password").await.status;
    assert_eq!(sign_in("192.0.2.1").await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in("192.0.2.1").await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in("198.51.100.7, 192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sign_in("192.0.2.2").await, StatusCode::UNAUTHORIZED);
    // An IPv6 user has many addresses: a whole /64 counts as one.
    assert_eq!(sign_in("2001:db8::1").await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in("2001:db8::2").await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in("2001:db8::3").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sign_in("2001:db8:0:1::1").await, StatusCode::UNAUTHORIZED);
}

/// Someone who guesses passwords locks out only their own address.
#[sqlx::test(migrations = "../migrations")]
async fn who_guesses_at_an_account_does_not_lock_its_owner_out(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open", "--trusted-proxies=1"]).await;
    house.newcomer("ana").await;
    let guesser = house.browser_at("192.0.2.1");
    for _ in 0..10 {
        let answer = guesser.sign_in("ana", "wrong password").await;
        answer.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::CredentialsWrong, "");
    }
    let answer = guesser.sign_in("ana", PASSWORD).await;
    answer.assert_refused(StatusCode::TOO_MANY_REQUESTS, ErrorCode::SlowDown, "");
    house.browser_at("192.0.2.2").sign_in("ana", PASSWORD).await.leads_to();
    // Changing the password works too, from ana's own address.
    let ana = house.browser_at("192.0.2.3");
    ana.sign_in("ana", PASSWORD).await.leads_to();
    let fields = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    ana.fill("/settings/password", &fields).await.leads_to();
}

/// Only failures count, so a whole class may sign in from behind one address.
#[sqlx::test(migrations = "../migrations")]
async fn a_right_password_costs_no_try(pool: PgPool) {
    let settings = ["--sign-up=open", "--sign-ins-per-min=2", "--sign-ins-per-account-per-min=2"];
    let house = House::new(pool, &settings).await;
    house.newcomer("ana").await;
    for _ in 0..5 {
        house.browser().sign_in("ana", PASSWORD).await.leads_to();
    }
    house.browser().sign_in("ana", "wrong password").await;
    house.browser().sign_in("ana", PASSWORD).await.leads_to();
    house.browser().sign_in("ana", "wrong password").await;
    let answer = house.browser().sign_in("ana", PASSWORD).await;
    answer.assert_refused(StatusCode::TOO_MANY_REQUESTS, ErrorCode::SlowDown, "");
}

/// A whole class signs up with one link from one address: the link's uses are the limit, not the
/// address.
#[sqlx::test(migrations = "../migrations")]
async fn a_class_behind_one_address_comes_by_one_link(pool: PgPool) {
    for mode in ["--sign-up=invite", "--sign-up=open"] {
        sqlx::query("delete from users").execute(&pool).await.unwrap();
        let settings = [mode, "--invitation-uses=20", "--sign-ups-per-min=3"];
        let house = House::new(pool.clone(), &settings).await;
        let link = new_link(&house.newcomer("ana").await).await;
        let token = link.strip_prefix("/invite/").unwrap();
        let come = async |handle: &str, password: &str| {
            let browser = house.browser();
            let page = browser.visit(&link).await;
            let fields =
                [("handle", handle), ("name", handle), ("password", password), ("invitation", token)];
            (page, browser.fill("/sign-up", &fields).await)
        };
        for number in 0..20 {
            let handle = format!("pupil{number}");
            // The first attempt has a mistake.
            let (page, refused) = come(&handle, "short").await;
            assert_eq!(page.status, StatusCode::OK, "{mode} {number}");
            refused.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::PasswordTooShort, "password");
            come(&handle, PASSWORD).await.1.leads_to();
        }
        // The link is used up, so these count for the address.
        for _ in 0..2 {
            come("late", PASSWORD).await;
        }
        let (page, answer) = come("late", PASSWORD).await;
        assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "{mode}");
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{mode}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn open_sign_up_is_bounded_by_address(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open", "--sign-ups-per-min=3"]).await;
    for handle in ["ana", "bea", "cem"] {
        house.newcomer(handle).await;
    }
    let answer = house.browser().sign_up("dan").await;
    answer.assert_refused(StatusCode::TOO_MANY_REQUESTS, ErrorCode::SlowDown, "");
}

// --- Sessions ------------------------------------------------------------------------------------

#[sqlx::test(migrations = "../migrations")]
async fn one_sees_ones_sessions_and_ends_one_of_them(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let laptop = house.newcomer("ana").await;
    let phone = house.browser();
    phone.sign_in("ana", PASSWORD).await.leads_to();
    let sessions = laptop.visit("/settings/account").await.sessions();
    assert_eq!(sessions.iter().filter(|form| form.is_none()).count(), 1, "the present one");
    let end = sessions.into_iter().flatten().next().unwrap();
    let done = "/settings/account?done=device";

    // Nobody else can end it, or learn whether it exists.
    let bea = house.newcomer("bea").await;
    assert_eq!(bea.fill(&end, &[]).await.leads_to(), done);
    assert_eq!(phone.visit("/settings").await.status, StatusCode::OK);

    assert_eq!(laptop.fill(&end, &[]).await.leads_to(), done);
    assert!(laptop.visit(done).await.drawn().contains("Device signed out."));
    assert_eq!(phone.visit("/settings").await.leads_to(), "/sign-in?next=/settings");
    assert_eq!(laptop.visit("/settings/account").await.sessions().len(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn all_other_sessions_end_at_once(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let laptop = house.newcomer("ana").await;
    let (phone, tablet, thief) = (house.browser(), house.browser(), house.browser());
    phone.sign_in("ana", PASSWORD).await.leads_to();
    tablet.sign_in("ana", PASSWORD).await.leads_to();
    thief.cookies.replace(laptop.cookies.borrow().clone());
    let to = laptop.fill("/settings/sessions/end-others", &[]).await;
    assert_eq!(to.leads_to(), "/settings/account?done=devices");
    // A browser with a copied cookie counts as one of the others.
    for ended in [phone, tablet, thief] {
        assert_eq!(ended.visit("/").await.leads_to(), "/sign-in");
    }
    assert_eq!(laptop.visit("/settings/account").await.sessions().len(), 1);
}

// --- Changing the password -----------------------------------------------------------------------

const OTHER_PASSWORD: &str = "battery staple horse";

#[sqlx::test(migrations = "../migrations")]
async fn a_new_password_ends_every_other_session_and_gives_this_one_another_token(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let (laptop, bea) = (house.newcomer("ana").await, house.newcomer("bea").await);
    set_up(&laptop).await;
    let phone = house.browser();
    phone.sign_in("ana", PASSWORD).await.leads_to();
    let thief = house.browser();
    thief.cookies.replace(laptop.cookies.borrow().clone());

    let fields = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    let to = laptop.fill("/settings/password", &fields).await.leads_to().to_owned();
    let page = laptop.visit(&to).await;
    assert!(page.drawn().contains("Password changed."), "the page says so");
    assert!(!laptop.visit("/settings/account").await.drawn().contains("Password changed."));
    assert_eq!(page.sessions().len(), 1);
    for ended in [&phone, &thief] {
        assert_eq!(ended.visit("/settings").await.leads_to(), "/sign-in?next=/settings");
    }
    assert_eq!(bea.visit("/settings").await.status, StatusCode::OK);
    let answer = phone.sign_in("ana", PASSWORD).await;
    answer.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::CredentialsWrong, "");
    phone.sign_in("ana", OTHER_PASSWORD).await.leads_to();
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refused_change_of_the_password_blames_a_field_and_changes_nothing(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let ana = house.newcomer("ana").await;
    set_up(&ana).await;
    let phone = house.browser();
    phone.sign_in("ana", PASSWORD).await.leads_to();
    for (current, password, words, field) in [
        ("hush-hush-hush", OTHER_PASSWORD, "Wrong current password.", "current"),
        ("hush", OTHER_PASSWORD, "Wrong current password.", "current"),
        (PASSWORD, "hush-hush", "Use at least 10 characters.", "password"),
    ] {
        let fields = [("current", current), ("password", password)];
        let answer = ana.fill("/settings/password", &fields).await;
        answer.assert_says(StatusCode::UNPROCESSABLE_ENTITY, field, words);
        for secret in ["hush", PASSWORD, OTHER_PASSWORD] {
            assert!(!answer.text().contains(secret), "a password is in the page");
        }
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(phone.visit("/settings/account").await.sessions().len(), 2);
    house.browser().sign_in("ana", PASSWORD).await.leads_to();

    // Someone who is not signed in changes nothing, and is asked to sign in.
    let fields = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    let answer = house.browser().fill("/settings/password", &fields).await;
    answer.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::NotSignedIn, "");
    assert_eq!(answer.form().form, FormName::SignIn);
}

/// Guesses in an open session and on the sign-in page share one count.
#[sqlx::test(migrations = "../migrations")]
async fn guessing_at_an_open_session_is_slowed_down_as_signing_in_is(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open", "--sign-ins-per-account-per-min=2"]).await;
    let ana = house.newcomer("ana").await;
    house.browser().sign_in("ana", "wrong password").await;
    ana.fill("/settings/password", &[("current", "wrong password"), ("password", OTHER_PASSWORD)]).await;
    let fields = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    let answer = ana.fill("/settings/password", &fields).await;
    assert_eq!((answer.status, answer.refused()), (StatusCode::TOO_MANY_REQUESTS, Some(ErrorCode::SlowDown)));
    assert!((1..=30).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
}

// --- People --------------------------------------------------------------------------------------

#[sqlx::test(migrations = "../migrations")]
async fn an_administrator_suspends_someone_and_lets_them_in_again(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let (ana, bea) = (house.newcomer("ana").await, house.newcomer("bea").await);
    set_up(&ana).await;
    let people = ana.visit("/admin/people").await.people();
    let person = people.iter().find(|person| person.handle == "bea").unwrap();
    assert_eq!((people.len(), person.role.as_str()), (2, "Member"));
    let path = |what: &str| format!("/admin/people/{}/{what}", person.id);

    let to = ana.fill(&path("suspend"), &[]).await.leads_to().to_owned();
    assert_eq!(to, "/admin/people?done=suspended");
    assert!(ana.visit(&to).await.drawn().contains("Account suspended."));
    assert_eq!(bea.visit("/settings").await.leads_to(), "/sign-in?next=/settings");
    // Only someone who knows the password is told.
    let answer = bea.sign_in("bea", "wrong password").await;
    answer.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::CredentialsWrong, "");
    let answer = bea.sign_in("bea", PASSWORD).await;
    answer.assert_refused(StatusCode::FORBIDDEN, ErrorCode::AccountSuspended, "");
    assert!(answer.drawn().contains("This account is suspended."));
    assert!(answer.set_cookies().is_empty());
    let list = ana.visit("/admin/people?q=BE").await.people();
    assert_eq!(
        list.iter().map(|p| (p.handle.as_str(), p.role.as_str())).collect::<Vec<_>>(),
        [("bea", "Suspended")]
    );

    let to = ana.fill(&path("let-in"), &[("q", "b e")]).await;
    assert_eq!(to.leads_to(), "/admin/people?q=b%20e&done=reinstated");
    // Ended sessions do not come back.
    assert_eq!(bea.visit("/settings").await.leads_to(), "/sign-in?next=/settings");
    bea.sign_in("bea", PASSWORD).await.leads_to();
}

#[sqlx::test(migrations = "../migrations")]
async fn only_administrators_see_everyone_and_nobody_suspends_themselves(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let (ana, bea) = (house.newcomer("ana").await, house.newcomer("bea").await);
    set_up(&ana).await;
    let people = ana.visit("/admin/people").await.people();
    for page in ["/admin", "/admin/workspace", "/admin/people", "/admin/people?q=ana"] {
        let answer = bea.visit(page).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page}");
        assert!(answer.drawn().contains("You don’t have permission to open this page."), "{page}");
        assert!(!answer.drawn().contains("@ana"), "{page}");
        assert_eq!(ana.visit(page).await.status, StatusCode::OK, "{page}");
        let to = house.browser().visit(page).await.leads_to().to_owned();
        assert!(to.starts_with("/sign-in?next=/admin"), "{to}");
    }
    assert!(!bea.visit("/settings").await.drawn().contains("/admin"), "nothing leads there");
    for person in &people {
        for (who, what) in [(&bea, "suspend"), (&bea, "let-in")] {
            let answer = who.fill(&format!("/admin/people/{}/{what}", person.id), &[]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
        }
        if person.role == "Owner" {
            let answer = ana.fill(&format!("/admin/people/{}/suspend", person.id), &[]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
        }
    }
    for nobody in ["0192f0c1-0000-7000-8000-0000000000d1", "nonsense"] {
        let answer = ana.fill(&format!("/admin/people/{nobody}/suspend"), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    let path = format!("/admin/people/{}/suspend", people[0].id);
    assert_eq!(house.browser().fill(&path, &[]).await.leads_to(), "/sign-in");
    for browser in [&ana, &bea] {
        assert_eq!(browser.visit("/settings").await.status, StatusCode::OK);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refused_role_is_drawn_again_with_the_list_as_it_was_looked_for(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let (ana, bea) = (house.newcomer("ana").await, house.newcomer("bea").await);
    set_up(&ana).await;
    let people = ana.visit("/admin/people").await.people();
    let path = |handle: &str, what: &str| {
        let person = people.iter().find(|person| person.handle == handle).unwrap();
        format!("/admin/people/{}/{what}", person.id)
    };

    let to = ana.fill(&path("bea", "role"), &[("q", "bea"), ("role", "guest")]).await;
    assert_eq!(to.leads_to(), "/admin/people?q=bea&done=role");
    let list = ana.visit("/admin/people?q=bea").await.people();
    assert_eq!((list.len(), list[0].role.as_str()), (1, "Guest"));

    let refused = ana.fill(&path("ana", "role"), &[("q", "ana"), ("role", "member")]).await;
    let words = "There must be at least one owner. Make someone else an owner first.";
    refused.assert_says(StatusCode::CONFLICT, "", words);
    assert_eq!(refused.people().len(), 1);
    let refused = ana.fill(&path("bea", "role"), &[("role", "king")]).await;
    assert_eq!((refused.status, refused.people().len()), (StatusCode::BAD_REQUEST, 2));
    // Those without access to the list see why, too.
    let refused = bea.fill(&path("ana", "suspend"), &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.drawn().contains("You don’t have permission to open this page."));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_link_for_a_new_password_is_good_once_and_ends_every_session(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let (ana, bea) = (house.newcomer("ana").await, house.newcomer("bea").await);
    set_up(&ana).await;
    let people = ana.visit("/admin/people").await.people();
    let id = &people.iter().find(|person| person.handle == "bea").unwrap().id;
    let make = format!("/admin/people/{id}/new-password");
    assert_eq!(bea.fill(&make, &[]).await.status, StatusCode::FORBIDDEN);
    let shown = async |browser: &Browser<'_>| {
        let people = browser.visit("/admin/people").await.people();
        people.into_iter().find_map(|person| person.link)
    };
    assert_eq!(ana.fill(&make, &[]).await.leads_to(), "/admin/people?done=link");
    let link = shown(&ana).await.expect("the browser that made it sees it");
    let ana_elsewhere = house.browser();
    ana_elsewhere.sign_in("ana", PASSWORD).await.leads_to();
    assert_eq!(shown(&ana_elsewhere).await, None);

    // It names the person whose password it sets, even to someone else who is signed in, and a
    // refusal keeps it.
    let path = link.strip_prefix(ORIGIN).unwrap();
    let secret = path.strip_prefix("/new-password/").unwrap();
    let page = ana.visit(path).await.page();
    let PageContent::NewPassword { user: Some(user), .. } = page.content else { panic!("no link: {page:?}") };
    assert_eq!(user.handle, "bea");
    let phone = house.browser();
    let answer = phone.fill("/new-password", &[("link", secret), ("password", "hush")]).await;
    answer.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::PasswordTooShort, "password");
    assert!(
        matches!(answer.page().content, PageContent::NewPassword { user: Some(_), .. })
            && !answer.text().contains("hush")
    );
    assert_eq!(bea.visit("/settings").await.status, StatusCode::OK);

    let fields = [("link", secret), ("password", OTHER_PASSWORD)];
    assert_eq!(phone.fill("/new-password", &fields).await.leads_to(), "/");
    assert_eq!(phone.visit("/").await.page().signed_in().unwrap().viewer.handle, "bea");
    assert_eq!(bea.visit("/settings").await.leads_to(), "/sign-in?next=/settings");
    bea.sign_in("bea", PASSWORD).await.assert_refused(
        StatusCode::UNAUTHORIZED,
        ErrorCode::CredentialsWrong,
        "",
    );
    bea.sign_in("bea", OTHER_PASSWORD).await.leads_to();
    assert_eq!(shown(&ana).await, None);
    for answer in [phone.fill("/new-password", &fields).await, phone.visit(path).await] {
        answer.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::PasswordLinkInvalid, "");
        assert!(!answer.text().contains("action=\"/new-password\""), "no form that could only be refused");
    }
    for nonsense in ["", "nonsense", "../settings"] {
        let answer = phone.fill("/new-password", &[("link", nonsense), ("password", OTHER_PASSWORD)]).await;
        answer.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::PasswordLinkInvalid, "");
    }

    // Changing the password yourself voids the link.
    ana.fill(&make, &[]).await.leads_to();
    assert!(shown(&ana).await.is_some());
    let fields = [("current", OTHER_PASSWORD), ("password", PASSWORD)];
    bea.fill("/settings/password", &fields).await.leads_to();
    assert_eq!(shown(&ana).await, None);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_list_of_everyone_is_bounded_and_can_be_searched(pool: PgPool) {
    let house = House::new(pool.clone(), &["--sign-up=open"]).await;
    let ana = house.newcomer("ana").await;
    sqlx::query(
        "insert into users (id, handle, name, password_hash)
         select gen_random_uuid(), 'p' || n, 'Person ' || n, '' from generate_series(1, 200) n",
    )
    .execute(&pool)
    .await
    .unwrap();
    set_up(&ana).await;
    let answer = ana.visit("/admin/people").await;
    assert_eq!(answer.people().len(), 50);
    let html = answer.drawn();
    let (_, next) = html.split_once("rel=\"next\" href=\"").expect("there is more");
    let next = next.split('"').next().unwrap();
    let more = ana.visit(next).await.people();
    assert_eq!(more.len(), 50);
    let first: BTreeSet<_> = answer.people().into_iter().map(|person| person.id).collect();
    assert!(!more.iter().any(|person| first.contains(&person.id)), "nobody is there twice");

    let answer = ana.visit("/admin/people?q=%40P17").await;
    assert_eq!(answer.people().len(), 11);
    assert!(answer.text().contains("value=\"@P17\""), "what was looked for stays in its field");
    assert!(ana.visit("/admin/people?q=nobody").await.drawn().contains("No matching people"));
    // The former address of this list.
    assert_eq!(ana.visit("/settings?people=p17").await.leads_to(), "/admin/people?q=p17");
}

#[sqlx::test(migrations = "../migrations")]
async fn an_administrator_renames_the_workspace_and_others_cannot(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let (ana, bea) = (house.newcomer("ana").await, house.newcomer("bea").await);
    set_up(&ana).await;
    let to = ana.fill("/admin/workspace", &[("place", "Lighthouse")]).await.leads_to().to_owned();
    assert!(ana.visit(&to).await.drawn().contains("Workspace renamed."));
    assert_eq!(bea.visit("/").await.page().workspace_name, "Lighthouse");

    let refused = ana.fill("/admin/workspace", &[("place", " ")]).await;
    refused.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "place", "This can’t be empty.");
    assert_eq!(bea.fill("/admin/workspace", &[("place", "Bea’s")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(bea.visit("/").await.page().workspace_name, "Lighthouse");
}

// --- Pages without wasm --------------------------------------------------------------------------

#[sqlx::test(migrations = "../migrations")]
async fn settings_and_administration_load_no_wasm_and_carry_no_data(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let ana = house.newcomer("ana").await;
    set_up(&ana).await;
    for path in PLAIN_PAGES {
        let answer = ana.visit(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let html = answer.text();
        assert!(!html.contains(".wasm") && !html.contains("/pkg/roost.js"), "{path}");
        assert!(!html.contains("id=\"page\"") && !html.contains("id=\"words\""), "{path}");
        assert_eq!(html.matches("<script").count(), 1, "{path}");
        let nonce = nonce_of(&answer);
        assert!(html.contains(&format!("<script nonce=\"{nonce}\">")), "{path}");
        assert!(answer.header("content-encoding").is_empty(), "{path}: some of them have secrets");
    }
}

const PLAIN_PAGES: &[&str] = &[
    "/settings",
    "/settings/profile",
    "/settings/appearance",
    "/settings/account",
    "/admin",
    "/admin/workspace",
    "/admin/people",
    "/admin/invitations",
];

/// Another person has signed in since the page was drawn, in another tab.
#[sqlx::test(migrations = "../migrations")]
async fn a_form_of_a_page_that_was_drawn_for_someone_else_changes_nothing(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let (ana, bea) = (house.newcomer("ana").await, house.newcomer("bea").await);
    set_up(&ana).await;
    let viewer =
        async |browser: &Browser<'_>| browser.visit("/").await.page().signed_in().unwrap().viewer.clone();
    let (old, now) = (viewer(&ana).await.id.to_string(), viewer(&bea).await);
    let fields =
        [("author", old.as_str()), ("name", "Ana"), ("current", PASSWORD), ("password", OTHER_PASSWORD)];
    for form in ["/profile", "/settings/password", "/invitations"] {
        let answer = bea.fill(form, &fields).await;
        answer.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::NotSignedIn, "");
    }
    for form in ["/settings/sessions/end-others", "/admin/people/nobody/suspend"] {
        assert_eq!(bea.fill(form, &fields).await.leads_to(), "/sign-in");
    }
    assert_eq!(viewer(&bea).await, now);
    house.browser().sign_in("bea", PASSWORD).await.leads_to();
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refused_name_is_told_beside_its_field_and_kept(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let ana = house.newcomer("ana").await;
    let long = "a".repeat(65);
    let answer = ana.fill("/profile", &[("name", &long)]).await;
    answer.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "name", "Use at most 64 characters.");
    assert!(answer.drawn().contains(&format!("value=\"{long}\"")), "what was typed is still there");
    assert!(answer.drawn().contains("data-path=\"/settings/profile\""));
}

#[sqlx::test(migrations = "../migrations")]
async fn without_script_one_changes_the_profile_and_signs_in_with_the_new_handle(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let (ana, bea) = (house.newcomer("ana").await, house.newcomer("bea").await);
    let fields = [
        ("name", "Bea"),
        ("handle", "ana"),
        ("title", "Harbour master"),
        ("pronouns", "she/her"),
        ("zone", "Europe/Lisbon"),
    ];
    let answer = bea.fill("/profile", &fields).await;
    answer.assert_says(StatusCode::CONFLICT, "handle", "This handle is taken. Choose another.");
    assert!(answer.drawn().contains("value=\"Harbour master\""), "what was typed is still there");
    assert!(answer.drawn().contains("<option value=\"Europe/Lisbon\" selected"), "{}", answer.drawn());

    let fields = fields.map(|(name, value)| (name, if name == "handle" { "Tris" } else { value }));
    assert_eq!(bea.fill("/profile", &fields).await.leads_to(), "/settings/profile?done=name");
    let page = bea.visit("/settings/profile").await;
    for shown in ["value=\"tris\"", "value=\"Harbour master\"", "value=\"she/her\"", "You sign in with it"] {
        assert!(page.drawn().contains(shown), "{shown}");
    }
    house.browser().sign_in("tris", PASSWORD).await.leads_to();
    let old = house.browser().sign_in("bea", PASSWORD).await;
    old.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::CredentialsWrong, "");
    // A zone that is not in the short list stays chosen.
    ana.fill("/profile", &[("zone", "Antarctica/Troll")]).await.leads_to();
    let page = ana.visit("/settings/profile").await;
    assert!(page.drawn().contains("<option value=\"Antarctica/Troll\" selected"));
}

// --- Links ---------------------------------------------------------------------------------------

#[sqlx::test(migrations = "../migrations")]
async fn a_new_link_is_shown_to_the_browser_that_made_it_until_it_is_revoked(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let ana = house.newcomer("ana").await;
    let link = new_link(&ana).await;
    assert!(ana.visit("/admin/invitations").await.invitations()[0].1.is_some(), "a reload shows it again");
    let phone = house.browser();
    phone.sign_in("ana", PASSWORD).await.leads_to();
    let listed = phone.visit("/admin/invitations").await.invitations();
    assert_eq!(listed.iter().map(|(_, link)| link.clone()).collect::<Vec<_>>(), [None]);
    assert_eq!(house.browser().visit(&link).await.status, StatusCode::OK);

    assert_eq!(phone.fill(&listed[0].0, &[]).await.leads_to(), "/admin/invitations?done=revoked");
    assert!(ana.visit("/admin/invitations").await.invitations().is_empty());
    house.browser().visit(&link).await.assert_refused(
        StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::InvitationInvalid,
        "invitation",
    );
}

// --- Rooms without script ------------------------------------------------------------------------

#[sqlx::test(migrations = "../migrations")]
async fn without_script_one_reads_and_writes(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let ana = house.newcomer("ana").await;
    let room = set_up(&ana).await;
    let nonce = uuid::Uuid::new_v4().to_string();
    let fields = [("nonce", nonce.as_str()), ("body", "The heron is back.")];
    for _ in 0..2 {
        let to = ana.fill(&format!("{room}/messages"), &fields).await.leads_to().to_owned();
        assert_eq!(to, format!("{room}#end"));
    }
    let answer = ana.visit(&room).await;
    let bodies: Vec<_> =
        answer.page().room().cloned().unwrap().messages.into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["The heron is back."], "the second click made no second message");
    let html = answer.text();
    let (_, drawn) = html.split_once("<body").unwrap();
    assert!(drawn.contains("The heron is back."), "it is drawn, not only carried");
}

/// The user goes back in the browser and sends another text: the form still has the nonce of the
/// first message.
#[sqlx::test(migrations = "../migrations")]
async fn another_text_in_a_form_that_was_sent_is_not_lost(pool: PgPool) {
    let house = House::new(pool.clone(), &[]).await;
    let ana = house.newcomer("ana").await;
    let room = set_up(&ana).await;
    let send = format!("{room}/messages");
    let nonce = uuid::Uuid::new_v4().to_string();
    let fields = |body: &'static str| [("nonce", nonce.clone()), ("body", body.to_owned())];
    let fill = async |body: &'static str| {
        let fields = fields(body);
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        ana.fill(&send, &fields).await
    };
    fill("The heron is back.").await.leads_to();
    // White space at both ends is trimmed, so this is the same text.
    fill("\n\nThe heron is back.\r\n").await.leads_to();
    for edited in [false, true] {
        if edited {
            sqlx::query("update messages set body = 'The heron has gone.', edits = 1")
                .execute(&pool)
                .await
                .unwrap();
        }
        let answer = fill("And it has a mate.").await;
        answer.assert_refused(StatusCode::CONFLICT, ErrorCode::NonceTaken, "body");
        assert_eq!(answer.form().value("body").unwrap(), "And it has a mate.");
        let html = answer.text();
        let drawn = html.split_once("<body").unwrap().1;
        assert!(drawn.contains("Your text wasn’t sent") && drawn.contains("And it has a mate."));
        let (_, rest) = drawn.split_once("name=\"nonce\" value=\"").unwrap();
        let fresh = rest.split_once('"').unwrap().0;
        assert_ne!(fresh, nonce);
        if edited {
            ana.fill(&send, &[("nonce", fresh), ("body", "And it has a mate.")]).await.leads_to();
        }
    }
    let bodies: Vec<_> = ana
        .visit(&room)
        .await
        .page()
        .room()
        .cloned()
        .unwrap()
        .messages
        .into_iter()
        .map(|message| message.body)
        .collect();
    assert_eq!(bodies, ["The heron has gone.", "And it has a mate."]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refused_message_comes_back_next_to_what_is_wrong(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let ana = house.newcomer("ana").await;
    let room = set_up(&ana).await;
    let long = "鸟".repeat(4_001);
    let answer = ana.fill(&format!("{room}/messages"), &[("body", &long)]).await;
    answer.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::TextTooLong, "body");
    assert_eq!((answer.form().form, answer.form().value("body").unwrap()), (FormName::Send, long.as_str()));
    assert!(answer.page().room().is_some());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_message_from_someone_whose_session_has_ended_is_not_lost(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    house.newcomer("ana").await;
    let path = format!("/r/{}", uuid::Uuid::now_v7());
    let answer = house.browser().fill(&format!("{path}/messages"), &[("body", "Hours of work")]).await;
    answer.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::NotSignedIn, "");
    let form = answer.form();
    assert_eq!(form.form, FormName::SignIn);
    assert_eq!((form.value("body").unwrap(), form.value("next").unwrap()), ("Hours of work", path.as_str()));
}

/// Since the page was drawn, someone has signed in with another account in another tab of the same
/// browser.
#[sqlx::test(migrations = "../migrations")]
async fn a_message_written_as_someone_else_is_not_sent_and_not_lost(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let ana = house.newcomer("ana").await;
    let room = set_up(&ana).await;
    let own = ana.visit(&room).await.page().signed_in().unwrap().viewer.id.to_string();
    let other = uuid::Uuid::now_v7().to_string();
    let form = format!("{room}/messages");
    let answer = ana.fill(&form, &[("author", &other), ("body", "Hours of work")]).await;
    answer.assert_refused(StatusCode::UNAUTHORIZED, ErrorCode::NotSignedIn, "");
    assert_eq!(answer.form().value("body").unwrap(), "Hours of work");
    ana.fill(&form, &[("author", &own), ("body", "My own")]).await.leads_to();
    let said = ana.visit(&room).await.page().room().cloned().unwrap().messages;
    assert_eq!(said.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["My own"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_room_that_one_is_not_in_is_not_there(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let ana = house.newcomer("ana").await;
    let room = set_up(&ana).await;
    let bea = house.newcomer("bea").await;
    let cem = house.newcomer("cem").await;
    bea.visit(&room).await.page().room().cloned().expect("newcomers join the first channel");
    let secret = format!("/r/{}", uuid::Uuid::now_v7());
    for path in [secret.as_str(), "/r/nonsense", "/r/%00%22%3Cscript%3E", "/no/such/page"] {
        let answer = cem.visit(path).await;
        assert_eq!((answer.status, answer.page().room().cloned()), (StatusCode::NOT_FOUND, None), "{path}");
    }
    let id = secret.trim_start_matches("/r/");
    assert_eq!(house.browser().visit(&secret).await.leads_to(), format!("/sign-in?next=/r/{id}"));
}

// --- Security ------------------------------------------------------------------------------------

/// Every form of the server.
const FORMS: &[&str] = &[
    "/sign-in",
    "/sign-up",
    "/sign-out",
    "/set-up",
    "/settings/sessions/0199a1b2-0000-7000-8000-000000000000/end",
    "/settings/sessions/end-others",
    "/settings/password",
    "/new-password",
    "/admin/people/0199a1b2-0000-7000-8000-000000000000/new-password",
    "/admin/people/0199a1b2-0000-7000-8000-000000000000/suspend",
    "/admin/people/0199a1b2-0000-7000-8000-000000000000/let-in",
    "/admin/people/0199a1b2-0000-7000-8000-000000000000/role",
    "/admin/workspace",
    "/profile",
    "/invitations",
    "/invitations/0199a1b2-0000-7000-8000-000000000000/revoke",
    "/preferences",
    "/r/0199a1b2-0000-7000-8000-000000000000/messages",
];

#[sqlx::test(migrations = "../migrations")]
async fn a_foreign_page_can_do_nothing_by_any_form_or_method(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let mut ana = house.newcomer("ana").await;
    let fields = [("handle", "eve"), ("name", "Eve"), ("password", PASSWORD), ("body", "hello")];
    for origin in ["https://evil.example", "null", "http://localhost:3001", "http://localhost"] {
        ana.origin = origin;
        for form in FORMS {
            let answer = ana.fill(form, &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form} from {origin}");
            assert!(answer.set_cookies().is_empty(), "{form}");
            assert!(answer.text().contains("1007"), "{form} does not say its number");
        }
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for path in FORMS.iter().chain(&["/", "/pkg/x.js", "/health/live", "/settings"]) {
            let answer = house.ask(ana.request(method.clone(), path).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} without an origin");
        }
    }
    assert_eq!(ana.visit("/settings/account").await.sessions().len(), 1, "the session is still there");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_form_from_a_foreign_page_is_drawn_again_with_words_and_what_was_typed(pool: PgPool) {
    let house = House::new(pool, &["--sign-up=open"]).await;
    let mut browser = house.browser();
    browser.origin = "http://192.168.0.9:3000";
    let answer = browser.sign_up("ana").await;
    answer.assert_refused(StatusCode::FORBIDDEN, ErrorCode::OriginForeign, "");
    let form = answer.form();
    assert_eq!((form.form, form.value("handle").unwrap()), (FormName::SignUp, "ana"));
    assert_eq!(form.refusal.detail, "http://192.168.0.9:3000");
}

#[sqlx::test(migrations = "../migrations")]
async fn every_form_answers_a_page_of_ones_own(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    for form in FORMS {
        let status = house.browser().fill(form, &[]).await.status;
        assert_ne!(status, StatusCode::NOT_FOUND, "{form}");
        assert!(!status.is_server_error(), "{form}: {status}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn with_https_the_cookie_is_bound_to_the_host_and_http_is_over(pool: PgPool) {
    let house = House::new(pool, &["--public-url=https://chat.example"]).await;
    let mut ana = house.browser();
    ana.origin = "https://chat.example";
    let answer = ana.sign_up("ana").await;
    answer.leads_to();
    let cookie = answer.set_cookies()[0].to_owned();
    assert!(cookie.starts_with("__Host-roost="), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} is missing: {cookie}");
    }
    assert!(!cookie.contains("Domain"));
    let answer = ana.visit("/settings").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("strict-transport-security").contains("max-age="));
    assert!(answer.header("content-security-policy").contains("wss://chat.example"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_session_is_stored_as_a_hash_only(pool: PgPool) {
    let house = House::new(pool.clone(), &[]).await;
    let ana = house.newcomer("ana").await;
    let token = ana.cookies.borrow()["roost"].clone();
    assert_eq!(token.len(), 43);
    let stored: String = sqlx::query_scalar("select sessions::text || users::text from sessions, users")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(!stored.contains(&token) && !stored.contains(PASSWORD), "{stored}");
    let bytes: Vec<u8> =
        sqlx::query_scalar("select token_hash from sessions").fetch_one(&pool).await.unwrap();
    assert_eq!(bytes.len(), 32);
}

#[sqlx::test(migrations = "../migrations")]
async fn only_scripts_with_the_pages_own_nonce_run(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let (first, second) = (house.browser().visit("/sign-up").await, house.browser().visit("/sign-up").await);
    let policy = first.header("content-security-policy");
    for loose in ["unsafe-inline", "'unsafe-eval'", "*", "http:", "https:"] {
        assert!(!policy.contains(loose), "{policy} has {loose}");
    }
    for tight in ["default-src 'none'", "'wasm-unsafe-eval'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(tight), "{policy} lacks {tight}");
    }
    let nonce = nonce_of(&first);
    assert_ne!(nonce, nonce_of(&second), "a nonce is used once");
    let html = first.text();
    for script in html.split("<script").skip(1) {
        let tag = script.split('>').next().unwrap();
        assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "<script{tag}> carries no nonce");
    }
    assert!(
        !html.contains(" style=\"") && !html.contains(" onclick="),
        "inline styles and handlers are blocked"
    );
}

#[sqlx::test(migrations = "../migrations")]
async fn pages_are_never_cached_and_every_answer_is_careful(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let ana = house.newcomer("ana").await;
    let room = set_up(&ana).await;
    for path in ["/", "/settings", "/set-up", room.as_str(), "/no/such/page"] {
        let answer = ana.visit(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    }
    let refused = house.browser().sign_in("ana", "wrong password").await;
    assert_eq!(refused.header("cache-control"), "no-store");
}

#[sqlx::test(migrations = "../migrations")]
async fn files_with_a_hash_are_kept_for_ever_and_come_compressed(pool: PgPool) {
    let site = Folder::new();
    let name = "pkg/roost.0123456789abcdefABCDEF.js";
    site.write(name, b"plain");
    site.write(&format!("{name}.br"), b"brotli");
    site.write(&format!("{name}.gz"), b"gzip");
    site.write("pkg/roost.js", b"plain");
    site.write("favicon.svg", b"<svg/>");
    let house = House::with_site(pool, &[], &site.0).await;
    let get = async |path: &str, encoding: &str| {
        let request = house.browser().request(Method::GET, path).header(header::ACCEPT_ENCODING, encoding);
        house.ask(request.body(Body::empty()).unwrap()).await
    };
    let forever = "public, max-age=31536000, immutable";
    for (encoding, body) in [("br, gzip", "brotli"), ("gzip", "gzip"), ("", "plain")] {
        let answer = get(&format!("/{name}"), encoding).await;
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, body));
        assert_eq!(answer.header("cache-control"), forever);
        assert_eq!(answer.header("content-type"), "text/javascript");
    }
    assert_eq!(get("/pkg/roost.js", "").await.header("cache-control"), "no-cache");
    assert_eq!(get("/favicon.svg", "").await.header("cache-control"), "public, max-age=3600");
    let missing = get("/pkg/roost.fedcba9876543210.js", "br").await;
    assert_eq!((missing.status, missing.header("cache-control")), (StatusCode::NOT_FOUND, "no-store"));
    assert!(!missing.text().contains('<'), "who asks for a script has no use for a page");
    for outside in ["/pkg/../../Cargo.toml", "/..%2f..%2fetc/passwd", "/pkg/%2e%2e/%2e%2e/x"] {
        assert_ne!(get(outside, "").await.status, StatusCode::OK, "{outside}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn language_and_theme_are_kept_and_lead_back(pool: PgPool) {
    let house = House::new(pool, &[]).await;
    let browser = house.browser();
    let fields = [("language", "zh"), ("theme", "dark"), ("density", "compact"), ("next", "/sign-up")];
    assert_eq!(browser.fill("/preferences", &fields).await.leads_to(), "/sign-up");
    browser.cookies.borrow_mut().insert("tz".to_owned(), "Asia/Shanghai".to_owned());
    let page = browser.visit("/sign-up").await.page();
    assert_eq!((page.language.as_str(), page.theme), ("zh-CN", Theme::Dark));
    assert_eq!((page.density, page.folded), (Density::Compact, vec![]));
    browser.cookies.borrow_mut().insert("folded".to_owned(), "direct.nothing.channels".to_owned());
    let page = browser.visit("/sign-up").await.page();
    assert_eq!(page.folded, [ListSection::Channels, ListSection::Direct]);
    assert_eq!(page.zone.offset_minutes(page.now), 480);
    let fields = [("language", "klingon"), ("next", "https://evil.example")];
    let answer = browser.fill("/preferences", &fields).await;
    assert_eq!((answer.leads_to(), answer.set_cookies().len()), ("/", 0));
    assert_eq!(browser.visit("/sign-up").await.page().language.as_str(), "zh-CN");
}

#[sqlx::test(migrations = "../migrations")]
async fn health_is_told_without_an_account(pool: PgPool) {
    let house = House::new(pool.clone(), &[]).await;
    assert_eq!(house.browser().visit("/health/live").await.status, StatusCode::OK);
    let ready = house.browser().visit("/health/ready").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert!(ready.text().contains("\"postgres\":true"), "{}", ready.text());
    pool.close().await;
    assert_eq!(house.browser().visit("/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(house.browser().visit("/health/live").await.status, StatusCode::OK);
    let answer = house.browser().visit("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().contains("5003"), "{}", answer.text());
}

#[sqlx::test(migrations = "../migrations")]
async fn the_log_holds_no_password_no_token_no_text_and_no_address(pool: PgPool) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let listening = tracing::subscriber::set_default(subscriber);
    let house = House::new(pool, &["--trusted-proxies=1", "--sign-up=open"]).await;
    // If another test's thread first reaches a log line while this one is installing its
    // subscriber, that line counts as disabled until interest is rebuilt. Hence a second newcomer.
    let ana = house.newcomer("ana").await;
    tracing::callsite::rebuild_interest_cache();
    let bea = house.newcomer("bea").await;
    let room = set_up(&ana).await;
    ana.fill(&format!("{room}/messages"), &[("body", "The heron is back.")]).await.leads_to();
    ana.visit(&room).await;
    house.browser().sign_in("ana", "wrong password").await;
    let tokens = [&ana, &bea].map(|person| person.cookies.borrow()["roost"].clone());
    drop(listening);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("signed up"), "there is a log: {text}");
    for secret in
        [&tokens[0], &tokens[1], PASSWORD, "wrong password", "heron", "$argon2id$v=19$m=19456,t=2,p=1$"]
    {
        assert!(!text.contains(secret), "{secret:?} is in the log");
    }
}

// --- Helpers -------------------------------------------------------------------------------------

/// Names the workspace; returns the path of its first channel.
async fn set_up(admin: &Browser<'_>) -> String {
    admin.fill("/set-up", &[("place", "Harbour"), ("channel", "General")]).await.leads_to();
    format!("/r/{}", admin.visit("/set-up").await.page().signed_in().unwrap().rooms[0].room.id)
}

/// Creates an invitation; returns the path of its link.
async fn new_link(browser: &Browser<'_>) -> String {
    let to = browser.fill("/invitations", &[]).await.leads_to().to_owned();
    let invitations = browser.visit(&to).await.invitations();
    let link = invitations[0].1.clone().expect("the browser that made a link sees it");
    link.strip_prefix(ORIGIN).expect("a link leads to this workspace").to_owned()
}

fn nonce_of(answer: &Answer) -> String {
    let policy = answer.header("content-security-policy");
    let (_, rest) = policy.split_once("'nonce-").unwrap();
    rest.split_once('\'').unwrap().0.to_owned()
}

/// The captured log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

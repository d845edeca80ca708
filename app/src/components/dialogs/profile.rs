//! The card of a person: who they are, their local time, and how to reach them. On a wide screen it
//! opens beside the name that opened it; on a phone it is a sheet.
//!
//! Name and handle are known here and shown at once, and they change with the profile. The rest is asked
//! for, because frames do not carry it.

use leptos::prelude::*;
use protocol::{
    Command, ErrorCode, Refusal, Reply, User, UserId, WorkspaceRole, Zone, limits::GROUP_OPEN_MAX,
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlTextAreaElement};

use super::{DialogFrame, emoji::field_of};
use crate::components::attributes::GlobalAttributes;
use crate::components::{avatar::Avatar, effect, focus::keyboard_now, handler, icon::Icon, live};
use crate::{
    address::Panel,
    browser,
    state::{Chat, Desk, Dialog, use_chat},
    typing::Replacement,
};

/// Its width when it is not a sheet, in pixels.
const WIDTH_PX: f64 = 320.0;
/// The distance to keep from its opener and from the window's edges, in pixels.
const EDGE_PX: f64 = 8.0;

/// What a person says about themselves.
#[derive(Clone, PartialEq, Eq)]
struct About {
    title: String,
    pronouns: String,
    zone: String,
    groups: Vec<User>,
}

/// The card.
#[component]
pub fn ProfileCard(
    /// Whose.
    user: UserId,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let opener = keyboard_now();
    let desk = desk_of(chat, opener.as_ref());
    let about = RwSignal::new(None::<About>);
    let failed = RwSignal::new(None::<Refusal>);
    let ask = move || {
        failed.set(None);
        chat.ask(Command::Profile { user }, move |result| match result {
            Ok(Reply::Profile { title, pronouns, zone, groups, .. }) => {
                about.try_set(Some(About { title, pronouns, zone, groups }));
            }
            Ok(_) => drop(failed.try_set(Some(ErrorCode::Internal.into()))),
            Err(why) => drop(failed.try_set(Some(why))),
        });
    };
    effect(ask);
    let drawn = Signal::derive(move || {
        usize::from(about.with(Option::is_some)) + 2 * usize::from(failed.with(Option::is_some))
    });
    on_cleanup(move || {
        // The row of its opener may have been replaced meanwhile.
        request_animation_frame(move || {
            request_animation_frame(move || {
                if browser::is_nothing_focused() && !browser::is_touched() {
                    chat.screen.compose();
                }
            });
        });
    });
    view! {
        <DialogFrame title=words.profile_of(&untrack(|| chat.user(user)).name) beside=true>
            <div class="profile">
                <Place opener drawn/>
                {live(move || who(chat, user))}
                {live(move || match (failed.get(), about.get()) {
                    (Some(why), _) => view! {
                        <div class="profile-failed" role="alert">
                            <p>{words.refusal(&why)}</p>
                            <button type="button" class="button" on:click=handler(move |_| ask())>{words.try_again()}</button>
                        </div>
                    }.into_any(),
                    (None, None) => view! { <p class="profile-coming" role="status">{words.loading()}</p> }.into_any(),
                    (None, Some(about)) => said(chat, about),
                })}
                {live(move || match chat.is_me(user) {
                    true => edit(chat),
                    false => acts(chat, user, desk),
                })}
            </div>
        </DialogFrame>
    }
}

/// Name, handle and role, as everyone knows them.
fn who(chat: Chat, user: UserId) -> AnyView {
    let person = chat.user(user);
    let role = (person.role != WorkspaceRole::Member).then(|| chat.words.workspace_role(person.role));
    view! {
        <header class="profile-head">
            <Avatar user=(*person).clone()/>
            <div class="profile-who">
                <h2 dir="auto">{person.name.clone()}</h2>
                <p class="profile-handle">
                    {format!("@{}", person.handle)}
                    {role.map(|role| view! { " " <span class="tag">{role}</span> }.into_any())}
                </p>
            </div>
        </header>
    }
    .into_any()
}

/// What they say about themselves. Someone who says nothing has no lines here.
fn said(chat: Chat, About { title, pronouns, zone, groups }: About) -> AnyView {
    let line = |text: String| {
        (!text.is_empty()).then(|| view! { <p class="profile-line" dir="auto">{text}</p> }.into_any())
    };
    let has_zone = !zone.is_empty();
    let time = has_zone.then(|| live(move || local_time(chat, &zone)));
    let group = |group: User| {
        let open = move |_| chat.screen.dialog.set(Some(Dialog::Profile(group.id)));
        view! {
            <li>
                <button type="button" class="chip" title=format!("@{}", group.handle) on:click=handler(open)>
                    {group.name}
                </button>
            </li>
        }
        .into_any()
    };
    let groups = (!groups.is_empty()).then(|| {
        let groups = groups.into_iter().map(group).collect::<Vec<_>>();
        view! { <ul class="profile-groups" aria-label=chat.words.user_groups_of()>{groups}</ul> }.into_any()
    });
    view! { {line(title)} {line(pronouns)} {time} {groups} }.into_any()
}

/// The time where they are, and how far that is from here. `None` for a zone that this browser does not
/// know.
fn local_time(chat: Chat, zone: &str) -> Option<AnyView> {
    let (words, clock) = (chat.words, chat.clock.get());
    let there = browser::utc_offset_in(zone, clock.now)?;
    let zone_there = Zone::fixed(i16::try_from(there).ok()?);
    let time = words.local_time(&words.time(clock.now, crate::words::Clock { zone: zone_there, ..clock }));
    let ahead = there - clock.zone.offset_minutes(clock.now);
    let hours = hours(ahead.abs());
    let apart = match ahead {
        0 => None,
        1.. => Some(words.hours_ahead(&hours)),
        _ => Some(words.hours_behind(&hours)),
    };
    let line = view! {
        <p class="profile-line profile-time">
            <Icon name="clock"/>
            <span>
                {time}
                {apart.map(|apart| view! { <span class="profile-apart">{format!(" · {apart}")}</span> }.into_any())}
            </span>
        </p>
    };
    Some(line.into_any())
}

/// `2`, or `5:30`.
fn hours(minutes: i32) -> String {
    match minutes % 60 {
        0 => format!("{}", minutes / 60),
        rest => format!("{}:{rest:02}", minutes / 60),
    }
}

/// For oneself.
fn edit(chat: Chat) -> AnyView {
    let go = move |_| chat.leave_for("/settings/profile");
    view! {
        <footer class="profile-acts">
            <button type="button" class="button" on:click=handler(go)>
                <Icon name="edit"/>
                {chat.words.edit_profile()}
            </button>
        </footer>
    }
    .into_any()
}

/// For everyone else, and for groups of people, to which nobody can write directly.
pub(super) fn acts(chat: Chat, user: UserId, desk: Option<Desk>) -> AnyView {
    let words = chat.words;
    let (failed, copied) = (RwSignal::new(None::<Refusal>), RwSignal::new(None::<&'static str>));
    let message = move |_| {
        failed.set(None);
        chat.ask_and_go(Command::StartDirect { user }, failed);
    };
    let copy = move |_| {
        let handle = format!("@{}", untrack(|| chat.user(user)).handle);
        browser::copy(handle, move |done| {
            copied.try_set(Some(if done { words.copied() } else { words.no_clipboard() }));
        });
    };
    let may_mention = move || {
        let is_large = chat.user(user).group.is_some_and(|count| count > GROUP_OPEN_MAX);
        desk.filter(|desk| {
            let rights = chat.rights(desk.room);
            rights.post && (rights.mention || !is_large)
        })
    };
    let is_person = untrack(|| chat.user(user)).group.is_none();
    view! {
        <footer class="profile-acts">
            {is_person.then(|| view! {
                <button type="button" class="button primary" on:click=handler(message)>
                    <Icon name="message"/>
                    {words.message()}
                </button>
            }.into_any())}
            {live(move || may_mention().map(|desk| view! {
                <button type="button" class="button" on:click=handler(move |_| mention(chat, user, desk))>
                    {words.mention()}
                </button>
            }.into_any()))}
            <button type="button" class="button" on:click=handler(copy)>
                <Icon name="copy"/>
                {words.copy_handle()}
            </button>
            <p class="profile-note" role="status">{live(move || copied.get())}</p>
            {live(move || failed.get().map(|why| view! {
                <p class="form-error" role="alert">{words.refusal(&why)}</p>
            }.into_any()))}
        </footer>
    }
    .into_any()
}

/// The composer that a mention goes into: that of the open thread, if the card was opened there.
pub(super) fn desk_of(chat: Chat, opener: Option<&Element>) -> Option<Desk> {
    let room = chat.room.get_untracked()?;
    let is_in_thread = opener.is_some_and(|at| at.closest(".thread").is_ok_and(|thread| thread.is_some()));
    Some(Desk { room, thread: untrack(|| chat.open_root(room)).filter(|_| is_in_thread) })
}

/// Writes the person's handle where the cursor of the composer is.
fn mention(chat: Chat, user: UserId, desk: Desk) {
    let handle = untrack(|| chat.user(user)).handle.clone();
    chat.screen.dialog.set(None);
    // On a narrow screen the details cover the composer.
    if untrack(|| chat.panel()) == Some(Panel::Details) && browser::has_overlay_panel() {
        chat.close_panel();
    }
    // While the dialog is there, nothing else can have the keyboard.
    request_animation_frame(move || {
        let Some(field) = field_of(desk) else { return };
        drop(field.focus());
        write(&field, &handle);
    });
}

fn write(field: &HtmlTextAreaElement, handle: &str) {
    let (text, range) = browser::selected(field);
    let before = text.get(..range.start).unwrap_or_default();
    let gap = if before.ends_with(|c: char| !c.is_whitespace()) { " " } else { "" };
    let with = format!("{gap}@{handle} ");
    let end = with.len();
    browser::replace(field, &text, &Replacement { range, with, select: end..end });
}

/// Keeps the card beside its opener, whatever its height. It draws nothing: it is a component because
/// its effect must run after the frame has shown the dialog.
#[component]
pub(super) fn Place(
    opener: Option<Element>,
    /// Changes whenever the card has another height.
    drawn: Signal<usize>,
) -> impl IntoView {
    let opener = StoredValue::new_local(opener.map(|opener| opener.get_bounding_client_rect()));
    let place = move || {
        let Some(dialog) = dialog() else { return };
        if browser::is_phone() {
            drop(dialog.style().set_property("height", "auto"));
            return;
        }
        drop(dialog.style().set_property("width", &format!("{}px", WIDTH_PX as i32)));
        let (width, height) = (browser::width_px(), browser::height_px() as f64);
        let own = dialog.get_bounding_client_rect().height();
        let at = opener.try_get_value().flatten();
        let (left, top, bottom) = at.map_or((width, height, height), |at| (at.left(), at.top(), at.bottom()));
        let (below, above) = (bottom + EDGE_PX, top - own - EDGE_PX);
        let is_below = below + own + EDGE_PX <= height || above < EDGE_PX;
        let top = if is_below { below.min(height - own - EDGE_PX) } else { above };
        let left = left.min(width - WIDTH_PX - EDGE_PX);
        for (name, value) in [("left", left), ("top", top)] {
            // Whole numbers: the code that formats fractions is large.
            drop(dialog.style().set_property(name, &format!("{}px", value.max(EDGE_PX) as i32)));
        }
    };
    effect(move || {
        drawn.track();
        place();
        // What came is drawn by then.
        request_animation_frame(place);
    });
}

fn dialog() -> Option<HtmlElement> {
    document().query_selector("dialog.beside").ok()??.dyn_into().ok()
}

#[cfg(test)]
mod tests {
    use super::hours;

    #[test]
    fn half_hours_are_told() {
        assert_eq!([0, 60, 120, 330, 765].map(hours), ["0", "1", "2", "5:30", "12:45"]);
    }
}

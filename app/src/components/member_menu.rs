//! The menu of actions on a member of a room, beside their line; on a phone, a sheet. It offers
//! only what the server would allow. Actions that cannot be undone ask for confirmation in a
//! dialog.

use leptos::{html::Div, prelude::*};
use protocol::{Command, Refusal, Rights, Role, RoomId, UserId, WorkspaceRole, rights};
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

use super::{avatar::Avatar, icon::Icon};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, key_handler, live};
use crate::{
    browser,
    state::{Chat, Dialog, MemberAct, use_chat},
};

/// The gap between the button and its menu, and between the menu and the edge of the screen, in
/// pixels.
const GAP_PX: f64 = 4.0;

/// One entry of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offer {
    /// Open the direct room with them.
    Message,
    /// Give them this role.
    Give(Role),
    /// Take away the role that they have.
    Take(Role),
    /// Give up the viewer's own role.
    StepDown(Role),
    /// Ask for confirmation first.
    Ask(MemberAct),
}

/// The button that opens the menu.
#[component]
pub(super) fn MoreButton(user: UserId, name: String, menu: RwSignal<Option<UserId>>) -> impl IntoView {
    let label = use_chat().words.actions_for(&name);
    view! {
        <button
            type="button"
            class="icon-button"
            id=id_of(user)
            aria-label=label.clone()
            title=label
            aria-haspopup="menu"
            aria-expanded=live(move || (menu.get() == Some(user)).to_string())
            on:click=handler(move |_| menu.set(Some(user)))
            on:keydown=key_handler(move |key| {
                if key.key() == "ArrowDown" {
                    key.prevent_default();
                    menu.set(Some(user));
                }
            })
        >
            <Icon name="more"/>
        </button>
    }
}

fn id_of(user: UserId) -> String {
    format!("more-{user}")
}

fn focus_button(user: UserId) {
    browser::focus_first(&format!("#{}", id_of(user)));
}

/// The menu of the member for whom it is `open`.
#[component]
pub(super) fn MemberMenu(
    room: RoomId,
    open: RwSignal<Option<UserId>>,
    failed: RwSignal<Option<Refusal>>,
) -> impl IntoView {
    let chat = use_chat();
    let rights = chat.rights_in(room);
    let offers = Memo::new(move |_| open.get().map(|user| (user, offers(chat, room, user, rights.get()))));
    live(move || {
        let (user, offers) = offers.get().filter(|(_, offers)| !offers.is_empty())?;
        Some(view! { <Menu room user offers open failed/> }.into_any())
    })
}

#[component]
fn Menu(
    room: RoomId,
    user: UserId,
    offers: Vec<Offer>,
    open: RwSignal<Option<UserId>>,
    failed: RwSignal<Option<Refusal>>,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let menu = NodeRef::<Div>::new();
    let person = untrack(|| chat.user(user));
    effect(move || {
        if let Some(menu) = menu.get() {
            move_beside(&menu, user);
            step(&menu, 0);
            on_cleanup(move || {
                request_animation_frame(move || {
                    if browser::is_nothing_focused() {
                        focus_button(user);
                    }
                });
            });
        }
    });
    let close = move || {
        // Before the menu closes: a dialog returns focus to what has it now.
        focus_button(user);
        open.set(None);
    };
    let pressed = move |key: KeyboardEvent| {
        let Some(menu) = menu.get_untracked() else { return };
        match key.key().as_str() {
            "ArrowDown" => step(&menu, 1),
            "ArrowUp" => step(&menu, -1),
            "Home" => focus_item(&menu, 0),
            "End" => focus_item(&menu, -1),
            // Focus continues from the button.
            "Escape" | "Tab" => close(),
            _ => return,
        }
        key.prevent_default();
        key.stop_propagation();
    };
    let choose = move |offer: Offer| {
        close();
        failed.set(None);
        let ask = |act| chat.screen.dialog.set(Some(Dialog::Member(room, user, act)));
        match offer {
            Offer::Message => {
                chat.ask_and_go(Command::StartDirect { user }, failed);
            }
            Offer::Give(role) => give(chat, room, user, role, failed),
            Offer::Take(_) => give(chat, room, user, Role::Member, failed),
            Offer::StepDown(_) => ask(MemberAct::StepDown),
            Offer::Ask(act) => ask(act),
        }
    };
    let item = |offer: Offer| {
        let (icon, label, is_loss) = match offer {
            Offer::Message => ("message", words.message(), false),
            Offer::Give(Role::Moderator) => ("shield", words.make_moderator(), false),
            Offer::Give(Role::Owner) | Offer::Ask(MemberAct::MakeOwner) => ("key", words.make_owner(), false),
            Offer::Give(Role::Member) | Offer::Take(Role::Member | Role::Moderator) => {
                ("person", words.remove_as_moderator(), false)
            }
            Offer::Take(Role::Owner) => ("person", words.remove_as_owner(), false),
            Offer::StepDown(Role::Owner) => ("person", words.step_down_as_owner(), false),
            Offer::StepDown(Role::Member | Role::Moderator) | Offer::Ask(MemberAct::StepDown) => {
                ("person", words.step_down_as_moderator(), false)
            }
            Offer::Ask(MemberAct::Remove) => ("leave", words.remove_from_room(), true),
            Offer::Ask(MemberAct::Ban) => ("ban", words.ban_from_room(), true),
        };
        view! {
            <button
                type="button"
                role="menuitem"
                tabindex="-1"
                class:loss=is_loss
                on:click=handler(move |_| choose(offer))
            >
                <Icon name=icon/>
                {label}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="menu-veil" on:click=handler(move |_| close())></div>
        <div class="member-menu">
            <div class="member-menu-head" aria-hidden="true">
                <Avatar user=(*person).clone()/>
                <span class="person-words">
                    <span class="person-name" dir="auto">{person.name.clone()}</span>
                    <span class="person-handle">"@" {person.handle.clone()}</span>
                </span>
            </div>
            <div
                role="menu"
                class="menu-items"
                aria-label=words.actions_for(&person.name)
                node_ref=menu
                on:keydown=key_handler(pressed)
            >
                {offers.into_iter().map(item).collect::<Vec<_>>()}
            </div>
        </div>
    }
}

/// Gives a member another role.
fn give(chat: Chat, room: RoomId, user: UserId, role: Role, failed: RwSignal<Option<Refusal>>) {
    let told = chat.words.role_given(&untrack(|| chat.user(user)).name, role);
    chat.ask(Command::SetRole { room, user, role }, move |result| match result {
        Ok(_) => {
            chat.say_aloud(told);
            // Their line has moved, and has lost focus.
            request_animation_frame(move || {
                if browser::is_nothing_focused() {
                    focus_button(user);
                }
            });
        }
        Err(why) => failed.set(Some(why)),
    });
}

/// The actions that the viewer may take on a member; none for someone who is not in the room.
fn offers(chat: Chat, room: RoomId, user: UserId, rights: Rights) -> Vec<Offer> {
    let role = |user: UserId| {
        chat.with_room(room, |state| state.members.get(&user).filter(|member| member.active).map(|m| m.role))
    };
    let Some(other) = role(user).flatten() else { return Vec::new() };
    if chat.is_me(user) {
        return Vec::from_iter((other > Role::Member).then_some(Offer::StepDown(other)));
    }
    let own = chat.summary(room).map_or(Role::Member, |summary| summary.read().role);
    let (mine, theirs) = ((own, chat.role()), (other, chat.user(user).role));
    let (is_below, is_guest) = (rights::outranks(mine, theirs), theirs.1 == WorkspaceRole::Guest);
    let counts_as = rights::effective(theirs.0, theirs.1);
    // A room role changes nothing for a guest, or if the member already has it through their
    // workspace role.
    let gives = rights.manage && is_below && !is_guest;
    let all = [
        (true, Offer::Message),
        (gives && (counts_as < Role::Moderator || other == Role::Owner), Offer::Give(Role::Moderator)),
        (gives && counts_as < Role::Owner, Offer::Ask(MemberAct::MakeOwner)),
        (gives && other > Role::Member, Offer::Take(other)),
        (rights.moderate && is_below, Offer::Ask(MemberAct::Remove)),
        (rights.moderate && is_below, Offer::Ask(MemberAct::Ban)),
    ];
    all.into_iter().filter(|(is_offered, _)| *is_offered).map(|(_, offer)| offer).collect()
}

/// Places the menu below its button, or above if there is no space. On a phone the style sheet
/// overrides this.
fn move_beside(menu: &web_sys::Element, user: UserId) {
    let card = menu.closest(".member-menu").ok().flatten();
    let card = card.and_then(|card| card.dyn_into::<web_sys::HtmlElement>().ok());
    let (Some(card), Some(button)) = (card, document().get_element_by_id(&id_of(user))) else { return };
    let (at, size) = (button.get_bounding_client_rect(), card.get_bounding_client_rect());
    let view =
        |length: Result<wasm_bindgen::JsValue, _>| length.ok().and_then(|v| v.as_f64()).unwrap_or_default();
    let (width, height) = (view(window().inner_width()), view(window().inner_height()));
    let below = at.bottom() + GAP_PX;
    let above = (at.top() - GAP_PX - size.height()).max(GAP_PX);
    let top = if below + size.height() + GAP_PX <= height { below } else { above };
    // Whole pixels: formatting fractions takes 16 kB of wasm, and nothing else needs it. Browsers
    // never refuse plain lengths.
    let (top, right) = (top as i32, (width - at.right()).max(GAP_PX) as i32);
    drop(card.style().set_property("top", &format!("{top}px")));
    drop(card.style().set_property("right", &format!("{right}px")));
}

/// Moves focus from item to item, wrapping around; without a focused item, begins at the first.
fn step(menu: &web_sys::Element, by: i32) {
    let items = menu.children();
    let count = items.length().cast_signed();
    let active = document().active_element();
    let here = (0..count).find(|n| items.item(n.cast_unsigned()) == active);
    focus_item(menu, here.map_or(0, |here| (here + by + count) % count.max(1)));
}

/// Focuses the `n`th item; -1 is the last one.
fn focus_item(menu: &web_sys::Element, n: i32) {
    let items = menu.children();
    let n = if n < 0 { items.length().saturating_sub(1) } else { n.cast_unsigned() };
    if let Some(item) = items.item(n) {
        browser::focus(&item);
    }
}

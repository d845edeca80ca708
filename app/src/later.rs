//! Parts whose code is not in the first download.
//!
//! Each function with `wasm_split` is the entry to a *chunk*, a wasm file of its own. Whatever only
//! that entry needs goes there. It is fetched when first used, or earlier, when the browser is
//! idle. The server has all code and draws at once.
//!
//! - A chunk weighs about twice what it removes from the first part (it is compressed separately,
//!   and calls through a table), so there are few. A new dialog belongs behind [`dialog`], what
//!   only the viewer sees behind `personal_part`, the room's panel and what only it leads to behind
//!   `details_part`, what appears in a room only on user action behind `tool_part`, and writing
//!   aids behind `writing_part`.
//! - Nothing else may name what an entry leads to, or the compiler silently puts it into the first
//!   part. `make size` shows it.
//! - If a chunk fails to load, the user is told, and a retry requests it again.
//! - A page that begins with a chunk loads it before it wakes ([`begins_with`]), or it would not
//!   match what the server drew.

use std::pin::Pin;

use futures::{FutureExt, future::abortable};
use leptos::{
    html::Textarea,
    prelude::*,
    reactive::computed::ScopedFuture,
    wasm_split::{SplitLoaderError, wasm_split},
};
use protocol::{FileId, Page, RoomId, Seq};

use crate::components::attributes::GlobalAttributes;
use crate::{
    address::{Panel, Route},
    components::{
        attached, connection_bar::bar, details::Details, dialogs, editing_bar::EditingBar,
        first_steps::FirstSteps, handler, live, message_sheet::MessageSheet, message_tools::Tools, personal,
        reactors::Reactors, strips::Strips, thread::Thread, viewer, writing::Writing,
    },
    pages::{new_password::NewPassword, set_up::SetUp, sign_in::SignIn, sign_up::SignUp},
    state::{Chat, Desk, Dialog, Missed, use_chat},
    words::use_words,
};

/// A part, or an error if its code could not be loaded: there is no network, or the servers have a
/// newer build by now.
type Part = Result<AnyView, SplitLoaderError>;

/// The names of the parts that pages begin with.
pub(crate) const DOORS: &str = "doors";
const DETAILS: &str = "details";
const TOOLS: &str = "tools";
const PERSONAL: &str = "personal";

/// For browsers without `requestIdleCallback`, such as Safari: the page has probably settled by
/// then.
const IDLE_AFTER_MS: u64 = 2_000;

#[wasm_split(dialogs, wasm_split_path = leptos::wasm_split, fallible, preload(preload_dialogs))]
fn dialog_part(dialog: Dialog) -> Part {
    Ok(dialogs::dialog(dialog))
}

#[wasm_split(details, wasm_split_path = leptos::wasm_split, fallible, preload(preload_details))]
fn details_part(detail: Detail) -> Part {
    Ok(match detail {
        Detail::Panel(room) => view! { <Details room/> }.into_any(),
        Detail::Dialog(dialog) => dialogs::administration_dialog(dialog),
    })
}

/// What comes with the chunk `details`.
enum Detail {
    /// The panel of a room.
    Panel(RoomId),
    /// A dialog about the room as a whole, or a poll.
    Dialog(Dialog),
}

/// What comes with the chunk `tools`.
enum Tool {
    /// The bar of actions at a message's row.
    Bar(RoomId, Seq),
    /// The same, as a sheet.
    Sheet(RoomId, Seq),
    /// A thread beside its room.
    Thread(RoomId, Seq),
    /// Above the composer while a message is edited.
    Editing(RoomId),
    /// The same, for what one replies to.
    Strips(Desk),
    /// What comes next in an empty room, or in a new workspace.
    Steps(RoomId),
    /// A dialog about a message or a member.
    Dialog(Dialog),
    /// Who reacted to a message with an emoji.
    Reactors(Seq, String),
}

#[wasm_split(tools, wasm_split_path = leptos::wasm_split, fallible, preload(preload_tools))]
fn tool_part(tool: Tool) -> Part {
    Ok(match tool {
        Tool::Bar(room, seq) => view! { <Tools room seq/> }.into_any(),
        Tool::Sheet(room, seq) => view! { <MessageSheet room seq/> }.into_any(),
        Tool::Editing(room) => view! { <EditingBar room/> }.into_any(),
        Tool::Thread(room, root) => view! { <Thread room root/> }.into_any(),
        Tool::Strips(desk) => view! { <Strips desk/> }.into_any(),
        Tool::Steps(room) => view! { <FirstSteps room/> }.into_any(),
        Tool::Dialog(dialog) => dialogs::member_dialog(dialog),
        Tool::Reactors(seq, emoji) => view! { <Reactors seq emoji/> }.into_any(),
    })
}

/// What comes with the chunk `personal`.
enum Personal {
    /// One of its dialogs.
    Dialog(Dialog),
    /// The notice of a reminder.
    Due,
    /// Searching messages, beside a room.
    Search(RoomId),
}

#[wasm_split(personal, wasm_split_path = leptos::wasm_split, fallible, preload(preload_personal))]
fn personal_part(part: Personal) -> Part {
    Ok(match part {
        Personal::Dialog(dialog) => personal::dialog(dialog),
        Personal::Due => view! { <personal::Due/> }.into_any(),
        Personal::Search(room) => view! { <personal::Search room/> }.into_any(),
    })
}

#[wasm_split(writing, wasm_split_path = leptos::wasm_split, fallible, preload(preload_writing))]
fn writing_part(part: Writes) -> Part {
    Ok(match part {
        Writes::Aids(desk, field) => view! { <Writing desk field/> }.into_any(),
        Writes::Drafts(chat, is_time) => {
            chat.share_drafts(is_time);
            ().into_any()
        }
    })
}

#[wasm_split(files, wasm_split_path = leptos::wasm_split, fallible, preload(preload_files))]
fn files_part(part: Files) -> Part {
    Ok(match part {
        Files::Hear(chat, then) => {
            if !chat.hears_uploads.get_value() {
                chat.hears_uploads.set_value(true);
                chat.listen_to_uploads();
                attached::listen_for_drops(*chat);
            }
            then();
            ().into_any()
        }
        Files::Attached(desk) => view! { <attached::Attached desk/> }.into_any(),
        Files::Viewer(room, file) => view! { <viewer::Viewer room file/> }.into_any(),
    })
}

/// What comes with the chunk `files`.
enum Files {
    /// Begins to hear of uploads, unless that was done, and then does this.
    Hear(Box<Chat>, Box<dyn FnOnce()>),
    /// The files that are attached at a composer.
    Attached(Desk),
    /// A picture in full screen.
    Viewer(RoomId, FileId),
}

/// Does something with files, once their code is here. If it does not come, a notice says so.
pub(crate) fn with_files(chat: Chat, then: impl FnOnce() + 'static) {
    let part = Files::Hear(Box::new(chat), Box::new(then));
    leptos::task::spawn_local(async move {
        if files_part(part).await.is_err() {
            chat.tell_all(chat.words.part_not_loaded().to_owned(), None);
        }
    });
}

/// Begins to accept dropped files, and goes on with uploads of an earlier page. If the code does not come, the next use of files tries
/// again.
pub(crate) fn hear_of_files(chat: Chat) {
    let part = Files::Hear(Box::new(chat), Box::new(|| ()));
    leptos::task::spawn_local(async move { drop(files_part(part).await) });
}

/// The files that are attached at a composer.
pub(crate) fn attached(desk: Desk) -> AnyView {
    draw(boxed(files_part(Files::Attached(desk))), Box::new(|| ().into_any()), || ().into_any())
}

/// What comes with the chunk `writing`.
enum Writes {
    /// The writing aids of a composer.
    Aids(Desk, NodeRef<Textarea>),
    /// Sharing drafts with other devices.
    Drafts(Box<Chat>, bool),
}

/// Shares drafts with the viewer's other devices: see [`Chat::share_drafts`]. If the code cannot be loaded, the next change tries again.
pub(crate) fn share_drafts(chat: Chat, is_time: bool) {
    leptos::task::spawn_local(
        async move { drop(writing_part(Writes::Drafts(Box::new(chat), is_time)).await) },
    );
}

#[wasm_split(emoji, wasm_split_path = leptos::wasm_split, fallible, preload(preload_emoji))]
fn emoji_part(dialog: Dialog) -> Part {
    Ok(dialogs::typing_dialog(dialog))
}

#[wasm_split(doors, wasm_split_path = leptos::wasm_split, fallible, preload(preload_doors))]
fn door_part(route: Route) -> Part {
    Ok(match route {
        Route::SignIn => view! { <SignIn/> }.into_any(),
        Route::SignUp => view! { <SignUp/> }.into_any(),
        Route::NewPassword => view! { <NewPassword/> }.into_any(),
        Route::SetUp => view! { <SetUp/> }.into_any(),
        Route::Lobby | Route::Room(_) | Route::Nowhere => ().into_any(),
    })
}

/// A page outside the app. The browser loads each of them anew, and has this part before it wakes.
pub(crate) fn door(route: Route) -> AnyView {
    let part = Box::pin(door_part(route)).as_mut().now_or_never();
    part.and_then(Result::ok).unwrap_or_else(|| ().into_any())
}

/// A dialog. If it fails to load, it counts as closed, and a notice says so.
pub(crate) fn dialog(dialog: Dialog) -> AnyView {
    let chat = use_chat();
    let lost = move || {
        chat.miss(Missed::Dialog(dialog));
        ().into_any()
    };
    match dialog {
        // Each belongs to the part that it has the most in common with and that has space for it.
        Dialog::RoomSettings(_)
        | Dialog::DeleteRoom(_)
        | Dialog::Leave(_)
        | Dialog::NewPoll(..)
        | Dialog::Voters(..)
        | Dialog::ClosePoll(..) => later(details_part(Detail::Dialog(dialog)), lost),
        Dialog::Member(..) | Dialog::Banned(_) | Dialog::Delete(..) => {
            later(tool_part(Tool::Dialog(dialog)), lost)
        }
        Dialog::Later | Dialog::Threads(_) | Dialog::Remind(..) | Dialog::SendLater(_) => {
            later(personal_part(Personal::Dialog(dialog)), lost)
        }
        Dialog::Emoji(..) | Dialog::Shortcuts | Dialog::EditHistory(..) | Dialog::Profile(_) => {
            later(emoji_part(dialog), lost)
        }
        Dialog::Viewer(room, file) => later(files_part(Files::Viewer(room, file)), lost),
        Dialog::Switcher
        | Dialog::NewDirect
        | Dialog::NewRoom
        | Dialog::Browse
        | Dialog::Invite(_)
        | Dialog::EditRoom(_)
        | Dialog::Forward(..)
        | Dialog::Unsent(_) => later(dialog_part(dialog), lost),
    }
}

/// The notice of a due reminder. The list shows reminders too, so a failure to load is silent.
pub(crate) fn due() -> AnyView {
    draw(boxed(personal_part(Personal::Due)), Box::new(|| ().into_any()), || ().into_any())
}

/// Unsent texts in a room that the user is no longer in.
pub(crate) fn unsent(room: RoomId) -> AnyView {
    let words = use_chat().words;
    later(dialog_part(Dialog::Unsent(room)), move || {
        view! { <p role="alert">{words.part_not_loaded()}</p> }.into_any()
    })
}

/// The panel beside a room. If it fails to load, it counts as closed, and a notice says so.
pub(crate) fn panel(panel: Panel, room: RoomId) -> AnyView {
    match panel {
        Panel::Details => details(room),
        Panel::Thread(root) => thread(room, root),
        Panel::Search => search(room),
    }
}

fn search(room: RoomId) -> AnyView {
    let chat = use_chat();
    later(personal_part(Personal::Search(room)), move || {
        chat.miss(Missed::Panel(Panel::Search));
        ().into_any()
    })
}

fn thread(room: RoomId, root: Seq) -> AnyView {
    let chat = use_chat();
    later(tool_part(Tool::Thread(room, root)), move || {
        chat.miss(Missed::Panel(Panel::Thread(root)));
        ().into_any()
    })
}

fn details(room: RoomId) -> AnyView {
    let chat = use_chat();
    later(details_part(Detail::Panel(room)), move || {
        chat.miss(Missed::Panel(Panel::Details));
        ().into_any()
    })
}

/// The actions on a message, beside its row. Pointing at a message is not a request for them, so
/// nothing is shown until they load.
pub(crate) fn tools(room: RoomId, seq: Seq) -> AnyView {
    let chat = use_chat();
    let lost = move || {
        chat.miss(Missed::Tools(seq));
        ().into_any()
    };
    draw(boxed(tool_part(Tool::Bar(room, seq))), Box::new(lost), || ().into_any())
}

/// The same, as a sheet. If it fails to load, it counts as closed, and a notice says so.
pub(crate) fn sheet(room: RoomId, seq: Seq) -> AnyView {
    let chat = use_chat();
    later(tool_part(Tool::Sheet(room, seq)), move || {
        chat.miss(Missed::Sheet(room, seq));
        ().into_any()
    })
}

/// The suggestions at the beginning of a room. They are optional, so a failure to load is silent.
pub(crate) fn first_steps(room: RoomId) -> AnyView {
    draw(boxed(tool_part(Tool::Steps(room))), Box::new(|| ().into_any()), || ().into_any())
}

/// What one replies to, above the composer. If it does not come, the reply is given up, so that nothing is sent as one unseen.
pub(crate) fn strips(desk: Desk) -> AnyView {
    let chat = use_chat();
    let lost = move || {
        chat.screen.replying.set(None);
        chat.screen.outsiders_of.set(None);
        chat.tell_all(chat.words.part_not_loaded().to_owned(), None);
        ().into_any()
    };
    draw(boxed(tool_part(Tool::Strips(desk))), Box::new(lost), || ().into_any())
}

/// What helps one write: keys and tools that format, names and emoji to choose from, what is made of what is pasted. One can do
/// without, so nothing is said if it does not come, until somebody asks for the tools.
pub(crate) fn writing(desk: Desk, field: NodeRef<Textarea>) -> AnyView {
    let chat = use_chat();
    let words = chat.words;
    let tries = RwSignal::new(0);
    let lost = move || {
        let bar = move || {
            let again = (words.try_again(), handler(move |_| tries.update(|n| *n += 1)));
            let close = (words.close(), handler(move |_| chat.screen.formatting.set(false)));
            bar(words.part_not_loaded().into_any(), vec![again, close])
        };
        live(move || chat.screen.formatting.get().then(bar)).into_any()
    };
    live(move || {
        tries.track();
        draw(boxed(writing_part(Writes::Aids(desk, field))), Box::new(lost), || ().into_any())
    })
    .into_any()
}

/// Who reacted to a message with an emoji. It is optional, so a failure to load is silent.
pub(crate) fn reactors(seq: Seq, emoji: String) -> AnyView {
    draw(boxed(tool_part(Tool::Reactors(seq, emoji))), Box::new(|| ().into_any()), || ().into_any())
}

/// The bar of a room's edit. If it fails to load, the user can still retry, or cancel the edit.
pub(crate) fn editing_bar(room: RoomId) -> AnyView {
    let chat = use_chat();
    let words = chat.words;
    let tries = RwSignal::new(0);
    let lost = move || {
        let again = (words.try_again(), handler(move |_| tries.update(|n| *n += 1)));
        let cancel = (words.stop_editing(), handler(move |_| chat.step_back(room)));
        bar(words.part_not_loaded().into_any(), vec![again, cancel])
    };
    live(move || {
        tries.track();
        later(tool_part(Tool::Editing(room)), lost)
    })
    .into_any()
}

/// Draws a part: at once if its code is loaded, otherwise as soon as it is. If loading fails, draws
/// what `lost` returns.
fn later(part: impl Future<Output = Part> + 'static, lost: impl FnOnce() -> AnyView + 'static) -> AnyView {
    draw(boxed(part), Box::new(lost), || {
        view! { <p class="coming" role="status">{use_words().loading()}</p> }.into_any()
    })
}

fn boxed(part: impl Future<Output = Part> + 'static) -> Pin<Box<dyn Future<Output = Part>>> {
    Box::pin(ScopedFuture::new(part))
}

/// Draws `coming` while the part loads.
fn draw(
    mut part: Pin<Box<dyn Future<Output = Part>>>,
    lost: Box<dyn FnOnce() -> AnyView>,
    coming: fn() -> AnyView,
) -> AnyView {
    if let Some(part) = part.as_mut().now_or_never() {
        return part.unwrap_or_else(|_| lost());
    }
    let chat = use_chat();
    // If this attempt fails too, the notice appears again.
    chat.screen.missed.set(None);
    // If the user closes it meanwhile, nothing may be drawn into it.
    let (part, abort) = abortable(part);
    on_cleanup(move || abort.abort());
    let come = RwSignal::new(false);
    let drawn = StoredValue::new_local(None);
    leptos::task::spawn_local(async move {
        let Ok(part) = part.await else { return };
        drawn.try_set_value(Some(part.unwrap_or_else(|_| lost())));
        come.try_set(true);
    });
    live(move || match come.get() {
        false => coming(),
        true => drawn.try_update_value(Option::take).flatten().unwrap_or_else(|| ().into_any()),
    })
    .into_any()
}

/// The parts that a page begins with, besides the first one, by the names of their chunks.
#[must_use]
pub fn begins_with(path: &str, page: &Page) -> Vec<&'static str> {
    match Route::of(path) {
        Route::SignIn | Route::SignUp | Route::NewPassword | Route::SetUp => vec![DOORS],
        Route::Room(room) => {
            let is_new =
                page.first_steps == Some(room) || page.room().is_some_and(|view| view.summary.last.is_none());
            let of_panel = Panel::in_path(path).map(|panel| match panel {
                Panel::Details => DETAILS,
                Panel::Thread(_) => TOOLS,
                Panel::Search => PERSONAL,
            });
            let of_room = is_new.then_some(TOOLS).filter(|part| of_panel != Some(part));
            of_panel.into_iter().chain(of_room).collect()
        }
        Route::Lobby | Route::Nowhere => Vec::new(),
    }
}

/// Fetches the parts that a page [begins with](begins_with).
///
/// # Errors
/// A part failed to load.
pub async fn preload(parts: Vec<&'static str>) -> Result<(), SplitLoaderError> {
    for part in parts {
        match part {
            DOORS => preload_doors().await?,
            DETAILS => preload_details().await?,
            PERSONAL => preload_personal().await?,
            _ => preload_tools().await?,
        }
    }
    Ok(())
}

/// Fetches everything else while the browser is idle, so that nobody waits for it later. Whatever
/// fails is fetched when needed.
pub fn preload_when_idle() {
    fn begin() {
        leptos::task::spawn_local(async {
            drop(preload_tools().await);
            drop(preload_writing().await);
            drop(preload_files().await);
            drop(preload_emoji().await);
            drop(preload_dialogs().await);
            drop(preload_details().await);
            drop(preload_personal().await);
        });
    }
    if request_idle_callback_with_handle(begin).is_err() {
        set_timeout(begin, std::time::Duration::from_millis(IDLE_AFTER_MS));
    }
}

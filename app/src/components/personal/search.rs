//! Searching messages: the panel beside a room. It comes with the chunk `personal` (see `later.rs`).
//!
//! The query is in the address (`?panel=search&q=…`), so that Back, a reload and a link bring its results back, and a form finds them
//! without script. Filters are words of the query; each chip is a link to the query with its word, or without it.

use std::cell::RefCell;

use leptos::{
    html::{Div, H2, Input},
    prelude::*,
};
use protocol::{
    Command, FoundAfter, Hit, Page, Piece, Refusal, Reply, RoomId, RoomKind, ShownHits,
    limits::{FOUND_COUNT_MAX, SEARCH_CHARS_MAX},
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent, MouseEvent};

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::close_panel::close_panel;
use crate::components::focus::take_keyboard;
use crate::{
    address::{Panel, searched_path, use_address},
    browser,
    components::{dialogs::room_form::Why, effect, handler, icon::Icon, key_handler, list, list_item, live},
    state::{Chat, link_of, path_of, use_chat},
};

/// The name under which the browser keeps recent queries.
const RECENT: &str = "searches";
/// How many of them.
const RECENT_MAX: usize = 8;

/// What the panel shows.
#[derive(Clone, Debug, Default)]
struct Results {
    /// The query.
    query: String,
    hits: Vec<Hit>,
    /// How many there are in all.
    count: Option<u32>,
    more: bool,
}

/// What was found last, for the panel beside the room to which a hit leads, and for coming back from there. Written only in a browser.
#[derive(Clone, Debug, Default)]
struct Last {
    results: Results,
    /// How far the results were scrolled.
    scrolled: i32,
    /// The person has just followed a hit: the message has the keyboard, not the panel.
    is_followed: bool,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

/// The panel.
#[component]
pub(crate) fn Search(
    /// The room beside which it is open.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let address = use_address();
    let query = Memo::new(move |_| address.searched());
    let (first, refused) = untrack(|| at_first(&query.get()));
    let is_found = first.is_some();
    let results = RwSignal::new(first.unwrap_or_default());
    let failed = RwSignal::new(refused);
    let asking = RwSignal::new(false);
    let fetch = move |query: String, after: Option<FoundAfter>| {
        asking.set(true);
        failed.set(None);
        let zone = browser::zone_name().unwrap_or_default();
        let command = Command::Search { query: query.clone(), room: None, zone, after };
        chat.ask(command, move |answer| answered(chat, (results, asking, failed), (query, after), answer));
    };
    let (heading, field, scroller) = (NodeRef::<H2>::new(), NodeRef::<Input>::new(), NodeRef::<Div>::new());
    let recent = RwSignal::new(Vec::<String>::new());
    effect(move || {
        let query = query.get();
        if let Some(field) = field.get_untracked() {
            field.set_value(&query);
        }
        recent.set(recent_queries(chat));
        asking.set(false);
        match query.trim().is_empty() {
            true => {
                failed.set(None);
                results.set(Results::default());
            }
            // Also what the page began with: by now there may be more.
            false => fetch(query, None),
        }
    });
    effect(move || {
        let is_followed = LAST.with_borrow_mut(|last| std::mem::take(&mut last.is_followed));
        if let Some(scroller) = scroller.get_untracked().filter(|_| is_found && browser::is_awake()) {
            scroller.set_scroll_top(LAST.with_borrow(|last| last.scrolled));
        }
        if !is_followed {
            take_keyboard(heading);
            if let Some(field) = field.get_untracked().filter(|_| browser::is_awake()) {
                browser::focus(&field);
            }
        }
    });
    let submit = move |submitted: web_sys::SubmitEvent| {
        submitted.prevent_default();
        let typed = field.get_untracked().map(|field| field.value()).unwrap_or_default();
        let path = searched_path(&path_of(room), &typed);
        match chat.address().path() == path && !typed.trim().is_empty() {
            // The same words again: there may be more by now.
            true => fetch(query.get_untracked(), None),
            false => chat.go(path),
        }
    };
    let next = move |_| {
        let last = results.with_untracked(|results| results.hits.last().map(place_of));
        fetch(query.get_untracked(), last);
    };
    view! {
        <aside class="details search" aria-label=words.search_messages() on:keydown=key_handler(move |key| step(&key))>
            <header class="pane-head">
                <h2 tabindex="-1" node_ref=heading>{words.search_messages()}</h2>
                {close_panel(chat, room)}
            </header>
            <form class="search-form" role="search" method="get" action=path_of(room) on:submit=handler(submit)>
                <input type="hidden" name="panel" value="search"/>
                <input
                    class="input"
                    type="search"
                    name="q"
                    value=untrack(|| query.get())
                    aria-label=words.search_messages()
                    placeholder=words.search_messages()
                    autocomplete="off"
                    enterkeyhint="search"
                    maxlength=SEARCH_CHARS_MAX.to_string()
                    node_ref=field
                />
                <button type="submit" class="icon-button" aria-label=words.search() title=words.search()>
                    <Icon name="search"/>
                </button>
            </form>
            <nav class="search-chips" aria-label=words.search_filters()>
                {live(move || query.with(|query| chips(chat, room, query)))}
            </nav>
            <div class="search-results" node_ref=scroller>
                <p class="search-state" role="status">
                    {live(move || said(chat, &results.read(), asking.get(), failed.with(Option::is_some)))}
                </p>
                <Why failed/>
                {live(move || failed.with(Option::is_some).then(|| view! {
                    <button type="button" class="button search-again scripted" on:click=handler(move |_| fetch(query.get_untracked(), None))>
                        {words.try_again()}
                    </button>
                }.into_any()))}
                {live(move || query.with(|query| query.trim().is_empty()).then(|| begin(chat, room, recent)))}
                {live(move || {
                    let results = results.read();
                    let is_empty = results.hits.is_empty() && results.count == Some(0) && !asking.get();
                    is_empty.then(|| super::list::nothing(words.search_none(), words.search_none_hint()))
                })}
                <ol class="search-hits" aria-label=words.search_results()>
                    {list(move || {
                        let draw = |hit: Hit| list_item(key_of(chat, &hit), move || line(chat, room, query, &hit));
                        results.get().hits.into_iter().map(draw).collect()
                    })}
                </ol>
                {live(move || results.read().more.then(|| view! {
                    <button type="button" class="button later-more scripted" disabled=live(move || asking.get()) on:click=handler(next)>
                        {words.show_more()}
                    </button>
                }.into_any()))}
            </div>
        </aside>
    }
}

/// What the page brings, or what was found last; and why nothing was found.
fn at_first(query: &str) -> (Option<Results>, Option<Refusal>) {
    if browser::is_awake() {
        let last = LAST.with_borrow(|last| last.results.clone());
        return (Some(last).filter(|last| last.query == query && !query.is_empty()), None);
    }
    let read = |page: &Page| {
        let found = page.signed_in().and_then(|signed_in| signed_in.found.clone());
        let Some(ShownHits { hits, count, more, refusal }) = found else { return (None, None) };
        (Some(Results { query: query.to_owned(), hits, count, more }), refusal)
    };
    with_context::<Page, _>(read).unwrap_or_default()
}

type State = (RwSignal<Results>, RwSignal<bool>, RwSignal<Option<Refusal>>);

fn answered(
    chat: Chat,
    (results, asking, failed): State,
    (query, after): (String, Option<FoundAfter>),
    answer: Result<Reply, Refusal>,
) {
    // Another query has been typed meanwhile, or the panel is closed.
    if results.is_disposed() || untrack(|| use_address_query(chat)) != query {
        return;
    }
    asking.set(false);
    match answer {
        Ok(Reply::Found { hits, more, count, .. }) => {
            results.update(|results| match after {
                Some(_) => {
                    results.hits.extend(hits);
                    results.more = more;
                }
                None => *results = Results { query: query.clone(), hits, count, more },
            });
            LAST.with_borrow_mut(|last| last.results = results.get_untracked());
            keep_query(chat, &query);
        }
        Ok(_) => {}
        Err(why) => {
            if after.is_none() {
                results.set(Results::default());
            }
            failed.set(Some(why));
        }
    }
}

fn use_address_query(chat: Chat) -> String {
    chat.address().searched()
}

/// Says how many messages were found, or what is happening.
fn said(chat: Chat, results: &Results, is_asking: bool, has_failed: bool) -> String {
    let words = chat.words;
    match results.count {
        _ if is_asking && chat.away.get() => words.search_offline().to_owned(),
        None | Some(0) if is_asking => words.loading().to_owned(),
        _ if has_failed => String::new(),
        None | Some(0) => String::new(),
        Some(FOUND_COUNT_MAX..) => words.search_many().to_owned(),
        Some(count) => words.search_count(count),
    }
}

/// What to do with an empty query.
fn begin(chat: Chat, room: RoomId, recent: RwSignal<Vec<String>>) -> AnyView {
    let words = chat.words;
    let forget = move |_| {
        chat.keep_habit(RECENT, "");
        recent.set(Vec::new());
        browser::focus_first(".search-form [name=q]");
    };
    let queries = move || {
        recent.with(|recent| (!recent.is_empty()).then(|| {
            let line = |query: &String| view! {
                <li>
                    <a class="search-recent" href=searched_path(&path_of(room), query)>
                        <Icon name="search"/>
                        <span dir="auto">{query.clone()}</span>
                    </a>
                </li>
            }.into_any();
            view! {
                <section class="search-before" aria-label=words.search_recent()>
                    <h3>
                        {words.search_recent()}
                        <button type="button" class="link" on:click=handler(forget)>{words.search_forget()}</button>
                    </h3>
                    <ul>{recent.iter().map(line).collect::<Vec<_>>()}</ul>
                </section>
            }.into_any()
        }))
    };
    view! {
        <p class="search-hint">{words.search_hint()}</p>
        {live(queries)}
    }
    .into_any()
}

/// The filters that can be switched.
fn chips(chat: Chat, room: RoomId, query: &str) -> Vec<AnyView> {
    let words = chat.words;
    let chip = |word: &str, name: &'static str| {
        let is_on = position(query, word).is_some();
        let link = searched_path(&path_of(room), &toggled(query, word));
        view! { <a class="search-chip" href=link aria-current=is_on.then_some("true")>{name}</a> }.into_any()
    };
    let here = in_room(chat, room);
    let others = [
        chip("from:me", words.filter_mine()),
        chip("mentions:me", words.filter_mentions()),
        chip("has:link", words.filter_links()),
        chip("has:file", words.filter_files()),
        chip("has:image", words.filter_pictures()),
        chip("is:thread", words.filter_threads()),
        chip("is:pinned", words.pinned()),
        chip("is:saved", words.saved()),
    ];
    here.map(|word| chip(&word, words.filter_here())).into_iter().chain(others).collect()
}

/// The word that restricts a search to a room; `None` if there is none, or the room is unknown here.
pub(crate) fn in_room(chat: Chat, room: RoomId) -> Option<String> {
    let summary = chat.summary(room)?;
    let summary = summary.read_untracked();
    here_word(chat, summary.room.kind, &summary.room.title, summary.peer)
}

/// The word that restricts a search to a room; `None` if its title cannot be in quotes.
fn here_word(chat: Chat, kind: RoomKind, title: &str, peer: Option<protocol::UserId>) -> Option<String> {
    match (kind, peer) {
        (RoomKind::Direct, peer) => Some(format!("in:@{}", chat.user(peer?).handle)),
        _ if title.contains(['"', '“', '”', '„']) => None,
        _ if title.contains(char::is_whitespace) => Some(format!("in:\"{title}\"")),
        _ => Some(format!("in:#{title}")),
    }
}

/// Where a word is in a query, as a word of its own.
fn position(query: &str, word: &str) -> Option<usize> {
    let is_free = |at: usize| {
        let (before, after) = (&query[..at], &query[at + word.len()..]);
        before.chars().next_back().is_none_or(char::is_whitespace)
            && after.chars().next().is_none_or(char::is_whitespace)
    };
    query.match_indices(word).map(|(at, _)| at).find(|at| is_free(*at))
}

/// The query with this word, or without it.
fn toggled(query: &str, word: &str) -> String {
    let query = query.trim();
    match position(query, word) {
        Some(at) => {
            format!("{} {}", query[..at].trim_end(), query[at + word.len()..].trim_start()).trim().to_owned()
        }
        None if query.is_empty() => word.to_owned(),
        None => format!("{query} {word}"),
    }
}

/// One message: who, where and when, and the words around the hit.
fn line(chat: Chat, here: RoomId, query: Memo<String>, hit: &Hit) -> AnyView {
    let Hit { room, message, context } = hit.clone();
    let (seq, at) = (message.seq, message.sent_at);
    let author = untrack(|| chat.user(message.author));
    let place = move || {
        chat.room_name(room)
            .map(|place| view! { <span class="later-room" dir="auto">{place}</span> }.into_any())
    };
    let link = match message.thread.filter(|_| !message.in_room) {
        Some(thread) => Panel::Thread(thread.0).beside(&link_of(room, seq)),
        None => link_of(room, seq),
    };
    let goes_elsewhere = link.contains('?');
    let target = link.clone();
    let go = move |click: MouseEvent| {
        let is_plain = click.button() == 0
            && !(click.ctrl_key() || click.meta_key() || click.shift_key() || click.alt_key());
        if !is_plain {
            return;
        }
        click.prevent_default();
        let is_beside = !goes_elsewhere && !browser::has_overlay_panel();
        LAST.with_borrow_mut(|last| {
            last.scrolled = scrolled();
            // Beside another room the panel is drawn anew.
            last.is_followed = is_beside && room != here;
        });
        let path = match is_beside {
            true => searched_path(&target, &query.get_untracked()),
            false => target.clone(),
        };
        match chat.address().path() == path {
            true => chat.show_message(room, seq),
            false => chat.go(path),
        }
    };
    let piece = |Piece(text, is_hit): Piece| match is_hit {
        true => view! { <mark>{text}</mark> }.into_any(),
        false => text.into_any(),
    };
    view! {
        <li>
            <a class="search-hit" href=link on:click=handler(go)>
                <span class="later-by">
                    <strong dir="auto">{author.name.clone()}</strong>
                    {live(place)}
                    <time>{live(move || chat.words.when(at, chat.clock.get()))}</time>
                </span>
                <span class="search-text" dir="auto" translate="yes">{context.into_iter().map(piece).collect::<Vec<_>>()}</span>
            </a>
        </li>
    }
    .into_any()
}

/// A line is drawn anew only if it shows something else.
fn key_of(chat: Chat, hit: &Hit) -> (RoomId, i64, String) {
    let mut shown = chat.user(hit.message.author).name.clone();
    for Piece(text, is_hit) in &hit.context {
        shown.push(if *is_hit { '\u{2}' } else { '\u{1}' });
        shown.push_str(text);
    }
    (hit.room, hit.message.seq.0, shown)
}

fn place_of(hit: &Hit) -> FoundAfter {
    FoundAfter { at: hit.message.sent_at, room: hit.room, seq: hit.message.seq }
}

fn scrolled() -> i32 {
    document().query_selector(".search-results").ok().flatten().map_or(0, |results| results.scroll_top())
}

/// The arrow keys go from the field to the hits, and from hit to hit.
fn step(key: &KeyboardEvent) {
    let forward = match key.key().as_str() {
        "ArrowDown" => true,
        "ArrowUp" => false,
        _ => return,
    };
    let Some(active) = document().active_element() else { return };
    let found = document().query_selector_all(".search-form [name=q], .search-recent, .search-hit");
    let Ok(found) = found else { return };
    let stops: Vec<Element> = (0..found.length()).filter_map(|n| found.item(n)?.dyn_into().ok()).collect();
    let Some(here) = stops.iter().position(|stop| *stop == active) else { return };
    let next = if forward { here + 1 } else { here.wrapping_sub(1) };
    if let Some(next) = stops.get(next).and_then(|stop| stop.dyn_ref::<HtmlElement>()) {
        key.prevent_default();
        drop(next.focus());
    }
}

fn recent_queries(chat: Chat) -> Vec<String> {
    chat.habit(RECENT).lines().filter(|line| !line.is_empty()).map(str::to_owned).take(RECENT_MAX).collect()
}

/// Keeps a query, as the most recent one.
fn keep_query(chat: Chat, query: &str) {
    let query = query.trim();
    let mut recent = recent_queries(chat);
    recent.retain(|known| known != query);
    recent.insert(0, query.to_owned());
    recent.truncate(RECENT_MAX);
    chat.keep_habit(RECENT, &recent.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_adds_its_word_or_takes_it_away() {
        assert_eq!(toggled("rope", "from:me"), "rope from:me");
        assert_eq!(toggled(" from:me rope ", "from:me"), "rope");
        assert_eq!(toggled("rope from:me knot", "from:me"), "rope knot");
        assert_eq!(toggled("", "from:me"), "from:me");
        assert_eq!(toggled("-from:me", "from:me"), "-from:me from:me");
        assert_eq!(toggled("in:\"night shift\" x", "in:\"night shift\""), "x");
    }
}

//! The poll below a message: its options, which are buttons that vote, and who may do what else with it.
//!
//! It is a form: each option submits all choices that pressing it would lead to, so it works without script, too, and pressing twice is
//! harmless.

use client::RowPoll;
use leptos::prelude::*;
use protocol::{RoomId, Seq};

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::handler;
use crate::state::{Chat, Dialog, path_of};

/// A poll. Until its message is stored, it only shows the options.
pub(crate) fn poll(chat: Chat, (room, seq): (RoomId, Option<Seq>), shown: &RowPoll, own: bool) -> AnyView {
    let words = chat.words;
    let RowPoll { poll, choices, asked } = shown;
    let (several, closed) = (poll.several, poll.closed);
    let may_vote = seq.filter(|_| !closed);
    let role = if several { "checkbox" } else { "radio" };
    let option = |(place, text): (u8, &String)| {
        let is_own = choices.contains(&place);
        let count = poll.counts.get(usize::from(place)).copied().unwrap_or_default();
        let percent = (count * 100 + poll.voters / 2) / poll.voters.max(1);
        let wanted = pressed(choices, place, several);
        let typed = wanted.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let press = move |click: web_sys::MouseEvent| {
            click.prevent_default();
            if let Some(seq) = may_vote {
                chat.vote(room, seq, wanted.clone());
            }
        };
        view! {
            <button
                type="submit"
                class="poll-option"
                name="choices"
                value=typed
                role=role
                aria-checked=is_own.to_string()
                aria-disabled=may_vote.is_none().then_some("true")
                data-act=format!("option-{place}")
                on:click=handler(press)
            >
                <span class="poll-text" dir="auto" translate="yes">{text.clone()}</span>
                <span class="poll-count" title=words.votes_count(count)>{format!(" {percent}% · {count}")}</span>
                <progress max="100" value=percent aria-hidden="true"></progress>
            </button>
        }
        .into_any()
    };
    let options: Vec<AnyView> = (0..).zip(&poll.options).map(option).collect();
    let act = |act: &'static str, label: &'static str, dialog: Dialog| {
        let open = handler(move |_| chat.screen.dialog.set(Some(dialog)));
        view! { <button type="button" class="poll-act scripted" data-act=act on:click=open>{label}</button> }
            .into_any()
    };
    let how = if several { words.poll_choose_several() } else { words.poll_choose_one() };
    let said: Vec<String> = [
        Some(if closed { words.poll_closed() } else { how }.to_owned()),
        poll.anonymous.then(|| words.poll_anonymous().to_owned()),
        (poll.voters > 0).then(|| words.voters_count(poll.voters)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut foot = vec![view! { <span>{said.join(" · ")}</span> }.into_any()];
    if let Some(seq) = seq {
        if !poll.anonymous && poll.voters > 0 {
            foot.push(act("voters", words.show_votes(), Dialog::Voters(room, seq)));
        }
        if own && !closed {
            foot.push(act("close-poll", words.close_poll(), Dialog::ClosePoll(room, seq)));
        }
    }
    view! {
        <form
            class="poll"
            class:pending=*asked
            class:closed=closed
            method="post"
            action=seq.map(|seq| format!("{}/polls/{seq}", path_of(room)))
        >
            <input type="hidden" name="author" value=chat.me.to_string()/>
            <div class="poll-options" role=if several { "group" } else { "radiogroup" } aria-label=format!("{}: {how}", words.poll())>
                {options}
            </div>
            <div class="poll-foot">{foot}</div>
        </form>
    }
    .into_any()
}

/// The choices once an option is pressed: one of several is added or taken away, and the only one is replaced or taken back.
fn pressed(choices: &[u8], place: u8, several: bool) -> Vec<u8> {
    let mut wanted = if several || choices.contains(&place) { choices.to_vec() } else { Vec::new() };
    match wanted.binary_search(&place) {
        Ok(at) => drop(wanted.remove(at)),
        Err(at) => wanted.insert(at, place),
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressing_an_option_chooses_it_or_takes_it_back() {
        assert_eq!(pressed(&[], 2, false), [2]);
        assert_eq!(pressed(&[2], 1, false), [1]);
        assert_eq!(pressed(&[2], 2, false), [0_u8; 0]);
        assert_eq!(pressed(&[0, 2], 1, true), [0, 1, 2]);
        assert_eq!(pressed(&[0, 2], 0, true), [2]);
    }
}

//! The list of keyboard shortcuts.

use leptos::prelude::*;

use super::DialogFrame;
use crate::components::attributes::GlobalAttributes;
use crate::{browser, state::use_chat};

/// Every global shortcut.
#[component]
pub fn Shortcuts() -> impl IntoView {
    let words = use_chat().words;
    let lines: [(&[&str], &str); 26] = [
        (&["Ctrl", "K"], words.key_go()),
        (&["Ctrl", "F"], words.key_search()),
        (&["Alt", "↑ ↓"], words.key_next()),
        (&["Alt", "Shift", "↑ ↓"], words.key_next_unread()),
        (&["Ctrl", "End"], words.key_newest()),
        (&["Ctrl", "."], words.key_details()),
        (&["A…Z"], words.key_compose()),
        (&["Enter"], words.send()),
        (&["Shift", "Enter"], words.key_break()),
        (&["Ctrl", "B"], words.bold()),
        (&["Ctrl", "I"], words.italic()),
        (&["Ctrl", "Shift", "X"], words.strikethrough()),
        (&["Ctrl", "E"], words.code()),
        (&["Ctrl", "Shift", "C"], words.code_block()),
        (&["Ctrl", "Shift", "9"], words.quote()),
        (&["Ctrl", "Shift", "8"], words.bulleted_list()),
        (&["Ctrl", "Shift", "7"], words.numbered_list()),
        (&["Ctrl", "Shift", "K"], words.link()),
        (&["Ctrl", "Shift", "H"], words.spoiler_mark()),
        (&["↑"], words.key_edit()),
        (&["Shift", "Tab", "↑ ↓"], words.key_rows()),
        (&["R"], words.reply()),
        (&["T"], words.reply_in_thread()),
        (&["U"], words.mark_unread()),
        (&["Esc"], words.key_back()),
        (&["?"], words.key_list()),
    ];
    let is_mac = browser::is_mac();
    let named = move |key: &'static str| match key {
        "Ctrl" if is_mac => "⌘",
        "Alt" if is_mac => "⌥",
        _ => key,
    };
    let line = move |(keys, what): (&'static [&'static str], &'static str)| {
        view! {
            <div class="shortcut">
                <dt>{what}</dt>
                <dd>{keys.iter().map(|key| view! { <kbd>{named(key)}</kbd> }.into_any()).collect_view()}</dd>
            </div>
        }
        .into_any()
    };
    view! {
        <DialogFrame title=words.keyboard_shortcuts()>
            <dl class="shortcuts" tabindex="0">{lines.map(|(keys, what)| line((keys, what))).into_iter().collect_view()}</dl>
        </DialogFrame>
    }
}

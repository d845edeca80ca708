//! The composer's formatting tools and their shortcuts. Their effects are in
//! [`typing`](crate::typing).

use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{handler, key_handler, live};
use crate::{
    browser,
    state::{Desk, Dialog, use_chat},
    typing::Style,
    words::Words,
};

/// A tool.
struct Tool {
    style: Style,
    label: fn(Words) -> &'static str,
    /// The shortcut, besides Ctrl or ⌘: whether Shift is held, and the other key.
    keys: (bool, &'static str),
    look: Look,
}

/// The face of a tool.
enum Look {
    /// A letter styled like the result.
    Letter(&'static str),
    /// A drawing, 24 units wide. Not among the page's icons, which are in the first download.
    Drawn(&'static str),
}

const TOOLS: [Tool; 10] = [
    Tool { style: Style::Strong, label: Words::bold, keys: (false, "B"), look: Look::Letter("B") },
    Tool { style: Style::Emphasis, label: Words::italic, keys: (false, "I"), look: Look::Letter("I") },
    Tool { style: Style::Strike, label: Words::strikethrough, keys: (true, "X"), look: Look::Letter("S") },
    Tool {
        style: Style::Link,
        label: Words::link,
        keys: (true, "K"),
        look: Look::Drawn(
            "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1.500 1.500M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1.500-1.500",
        ),
    },
    Tool {
        style: Style::Numbered,
        label: Words::numbered_list,
        keys: (true, "7"),
        look: Look::Drawn(
            "M10 6.500h10M10 12h10M10 17.500h10M4 4.500l1.500-.7v5M3.800 15.800c.4-1.300 2.700-1.200 2.500.3-.1 1-2.500 2.200-2.500 3.400h2.600",
        ),
    },
    Tool {
        style: Style::List,
        label: Words::bulleted_list,
        keys: (true, "8"),
        look: Look::Drawn(
            "M9.500 6.500H20M9.500 12H20M9.500 17.500H20M4.800 6.500v.01M4.800 12v.01M4.800 17.500v.01",
        ),
    },
    Tool {
        style: Style::Quote,
        label: Words::quote,
        keys: (true, "9"),
        look: Look::Drawn("M5 5v14M9.500 7.500H20M9.500 12H20M9.500 16.500H16"),
    },
    Tool {
        style: Style::Code,
        label: Words::code,
        keys: (false, "E"),
        look: Look::Drawn("m8.500 7.500-5 4.500 5 4.500M15.500 7.500l5 4.500-5 4.500"),
    },
    Tool {
        style: Style::CodeBlock,
        label: Words::code_block,
        keys: (true, "C"),
        look: Look::Drawn(
            "M6 4.500h12A1.500 1.500 0 0 1 19.500 6v12a1.500 1.500 0 0 1-1.500 1.500H6A1.500 1.500 0 0 1 4.500 18V6A1.500 1.500 0 0 1 6 4.500zM10.500 9.500 8 12l2.500 2.500M13.500 9.500 16 12l-2.500 2.500",
        ),
    },
    Tool {
        style: Style::Spoiler,
        label: Words::spoiler_mark,
        keys: (true, "H"),
        look: Look::Drawn(
            "M4 4.500 20 19.500M9.900 6.300A9 9 0 0 1 21 12a11 11 0 0 1-2 2.800M6.500 7.800A11 11 0 0 0 3 12a9.300 9.300 0 0 0 12.500 5M10 10.200a2.800 2.800 0 0 0 3.900 3.900",
        ),
    },
];

/// The style that a shortcut applies.
pub(crate) fn style_of(key: &KeyboardEvent) -> Option<Style> {
    if key.alt_key() || !(key.ctrl_key() || key.meta_key()) {
        return None;
    }
    let (code, letter) = (key.code(), key.key().to_ascii_uppercase());
    // With Shift, a digit key types another character on most keyboards; and a keyboard may have no
    // Latin letters.
    let place =
        code.strip_prefix("Digit").or_else(|| code.strip_prefix("Key").filter(|_| !letter.is_ascii()));
    let typed = place.unwrap_or(&letter);
    TOOLS.iter().find(|tool| tool.keys == (key.shift_key(), typed)).map(|tool| tool.style)
}

/// The bars of a poll.
const POLL: &str = "M5 20V10.500M12 20V4M19 20v-6.500";

/// The toolbar. The arrows move between the tools. `press` applies a style to the composer's
/// selection. The last tool makes a poll.
pub(crate) fn toolbar(desk: Desk, press: impl Fn(Style) + Copy + 'static) -> AnyView {
    let chat = use_chat();
    let words = chat.words;
    let at = RwSignal::new(0_usize);
    let last = TOOLS.len();
    let tool = |(index, tool): (usize, &'static Tool)| {
        let Tool { style, label, keys: (shift, letter), look } = tool;
        let label = label(words);
        let held = match (browser::is_mac(), shift) {
            (true, true) => "⌘⇧",
            (true, false) => "⌘",
            (false, true) => "Ctrl+Shift+",
            (false, false) => "Ctrl+",
        };
        let named = match (browser::is_mac(), shift) {
            (true, true) => "Meta+Shift+",
            (true, false) => "Meta+",
            (false, true) => "Control+Shift+",
            (false, false) => "Control+",
        };
        let look = match look {
            Look::Letter(letter) => {
                view! { <span aria-hidden="true" data-letter=*letter>{*letter}</span> }.into_any()
            }
            Look::Drawn(path) => view! {
                <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=*path></path></svg>
            }
            .into_any(),
        };
        view! {
            <button
                type="button"
                class="format-tool"
                tabindex=live(move || if at.get() == index { "0" } else { "-1" })
                aria-label=label
                aria-keyshortcuts=format!("{named}{letter}")
                title=format!("{label} ({held}{letter})")
                // Focus stays in the field.
                on:pointerdown=handler(|pointer: web_sys::PointerEvent| pointer.prevent_default())
                on:focus=handler(move |_| at.set(index))
                on:click=handler(move |_| press(*style))
            >
                {look}
            </button>
        }
        .into_any()
    };
    let pressed = move |key: KeyboardEvent| {
        let to = match key.key().as_str() {
            "ArrowRight" => (at.get_untracked() + 1) % (last + 1),
            "ArrowLeft" => (at.get_untracked() + last) % (last + 1),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        key.prevent_default();
        at.set(to);
        browser::focus_first(&format!(".format-tool:nth-child({})", to + 1));
    };
    view! {
        <div class="format-tools" role="toolbar" aria-label=words.formatting() on:keydown=key_handler(pressed)>
            {TOOLS.iter().enumerate().map(tool).collect::<Vec<_>>()}
            <button
                type="button"
                class="format-tool poll-tool"
                tabindex=live(move || if at.get() == last { "0" } else { "-1" })
                aria-label=words.new_poll()
                title=words.new_poll()
                on:focus=handler(move |_| at.set(last))
                on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::NewPoll(desk, None))))
            >
                <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=POLL></path></svg>
            </button>
        </div>
    }
    .into_any()
}

//! The formatted text of a message: the tree of [`markup`], drawn as nodes and never as HTML.
//!
//! Every element is made by [`element`], which takes the tag as a value: a type for each tag would
//! add 10 kB to the download.

use client::RowMention;
use leptos::{html::Div, prelude::*, tachys::html::element::custom};
use markup::{Align, Kind, Mention, Node, Nodes};
use protocol::{RoomId, Seq};

use super::{effect, handler, icon::Icon, key_handler, live};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    browser,
    state::{Chat, path_of},
};

/// The text of a message. A single paragraph, by far the most common case, has no element of its
/// own, so that what follows is on its last line. For several paragraphs, the style sheet does the
/// same with the last one.
pub(crate) fn formatted(
    chat: Chat,
    message: (RoomId, Option<Seq>),
    body: &str,
    mentions: &[RowMention],
) -> AnyView {
    let document = markup::parse(body);
    let drawing = Drawing { chat, message, mentions };
    let mut blocks = document.blocks();
    match (blocks.next(), blocks.next()) {
        (Some(Node { kind: Kind::Paragraph, children }), None) => drawing.all(children).into_any(),
        _ => drawing.all(document.blocks()).into_any(),
    }
}

#[derive(Clone, Copy)]
struct Drawing<'m> {
    chat: Chat,
    message: (RoomId, Option<Seq>),
    mentions: &'m [RowMention],
}

impl Drawing<'_> {
    /// The views of these nodes. Adjacent text becomes one text node.
    fn all(self, nodes: Nodes<'_, '_>) -> Vec<AnyView> {
        let (mut views, mut text) = (Vec::new(), String::new());
        for node in nodes {
            if let Some(view) = self.one(node, &mut text) {
                if !text.is_empty() {
                    views.push(std::mem::take(&mut text).into_any());
                }
                views.push(view);
            }
        }
        if !text.is_empty() {
            views.push(text.into_any());
        }
        views
    }

    /// The view of a node; `None` if it is text, which is appended to `text`.
    fn one(self, Node { kind, children: nodes }: Node<'_, '_>, text: &mut String) -> Option<AnyView> {
        let inside = || self.all(nodes);
        let mut words = |parts: [&str; 3]| {
            text.extend(parts);
            None
        };
        let view = match kind {
            Kind::Text(part) => return words([part, "", ""]),
            Kind::Break => return words(["\n", "", ""]),
            Kind::Emoji(name) => return words([":", name, ":"]),
            Kind::Mention(mention) => {
                return self.mention(mention).or_else(|| words(["@", mention.name(), ""]));
            }
            Kind::Channel(title) => return self.channel(title).or_else(|| words(["#", title, ""])),
            Kind::Paragraph => element("p", "", inside()),
            // The page and the room use the higher heading levels.
            Kind::Heading(1) => element("h3", "", inside()),
            Kind::Heading(2) => element("h4", "", inside()),
            Kind::Heading(_) => element("h5", "", inside()),
            Kind::Quote => element("blockquote", "", inside()),
            Kind::List { ordered: false } => element("ul", "", inside()),
            Kind::List { ordered: true } => element("ol", "", inside()),
            Kind::Item { number, task } => self.item(number, task, inside()),
            Kind::CodeBlock { language } => self.code_block(language, nodes),
            Kind::MathBlock => formula("tex-block", nodes),
            Kind::Math => formula("", nodes),
            Kind::Rule => element("div", "rule", Vec::new()),
            // Browsers add a `tbody` to every table that they parse.
            Kind::Table => {
                let table = element("table", "", vec![element("tbody", "", inside())]);
                element("div", "table-box", vec![table])
            }
            Kind::Row { header } => {
                let cell = |cell: Node<'_, '_>| {
                    let side = if let Kind::Cell(align) = cell.kind { side(align) } else { "" };
                    element(if header { "th" } else { "td" }, side, self.all(cell.children))
                };
                element("tr", "", nodes.map(cell).collect())
            }
            Kind::Strong => element("strong", "", inside()),
            Kind::Emphasis => element("em", "", inside()),
            Kind::Strike => element("s", "", inside()),
            Kind::Spoiler => self.spoiler(inside()),
            Kind::Code => element("code", "", inside()),
            Kind::Link { address, title } => {
                link(address, title, nodes.plain_text(markup::Spoilers::Shown), inside())
            }
            // Occurs only inside a row, which draws it.
            Kind::Cell(_) => inside().into_any(),
        };
        Some(view)
    }

    fn item(self, number: Option<u32>, task: Option<bool>, mut inside: Vec<AnyView>) -> AnyView {
        let words = self.chat.words;
        let number = number.map(|number| ("value", number.to_string()));
        let Some(done) = task else { return element_with("li", "", number, inside) };
        let (mark, label) =
            if done { ("task-mark done", words.task_done()) } else { ("task-mark", words.task_open()) };
        let label = element("span", "sr-only", vec![label.into_any()]);
        inside.insert(0, element("span", mark, vec![label]));
        element_with("li", "task", number, inside)
    }

    /// A code block with a copy button.
    fn code_block(self, language: &str, nodes: Nodes<'_, '_>) -> AnyView {
        let words = self.chat.words;
        let text = nodes.plain_text(markup::Spoilers::Shown);
        let copied = RwSignal::new(None::<&'static str>);
        let node = highlighted();
        let copy = move |_| {
            browser::copy(text.clone(), move |done| {
                let said = if done { words.copied() } else { words.no_clipboard() };
                copied.try_set(Some(said));
            });
        };
        view! {
            <div class="code-block" translate="no" data-language=language.to_owned() node_ref=node>
                <div class="code-head">
                    {element("span", "", vec![language.to_owned().into_any()])}
                    <button
                        type="button"
                        class="scripted"
                        data-act="copy-code"
                        aria-label=words.copy_code()
                        title=words.copy_code()
                        on:click=handler(copy)
                    >
                        <Icon name="copy"/>
                    </button>
                    <span role="status">{live(move || copied.get())}</span>
                </div>
                {code_lines(nodes)}
            </div>
        }
        .into_any()
    }

    /// Hidden until someone reveals it; then all spoilers of the message are shown.
    fn spoiler(self, inside: Vec<AnyView>) -> AnyView {
        let Self { chat, message, .. } = self;
        let is_shown = move || chat.screen.is_revealed(message);
        let show = move || {
            if untrack(|| !is_shown()) {
                chat.screen.reveal(message);
            }
        };
        let covered = move |what: &'static str| live(move || (!is_shown()).then_some(what));
        view! {
            <span
                class="spoiler"
                class:shown=live(is_shown)
                role=covered("button")
                tabindex=covered("0")
                aria-label=covered(chat.words.spoiler())
                title=covered(chat.words.spoiler())
                data-act="spoiler"
                on:click=handler(move |_| show())
                on:keydown=key_handler(move |key| {
                    if matches!(key.key().as_str(), "Enter" | " ") && untrack(|| !is_shown()) {
                        key.prevent_default();
                        show();
                    }
                })
            >
                <span>{inside}</span>
            </span>
        }
        .into_any()
    }

    /// A mentioned person or group, by the current name. Until the server has said who it is, whoever
    /// has this handle.
    fn mention(self, mention: Mention<'_>) -> Option<AnyView> {
        let known = self.mentions.iter().find(|known| known.name.eq_ignore_ascii_case(mention.name()));
        let user = match (known, self.message.1, mention) {
            (Some(known), _, _) => known.user.clone(),
            (None, None, Mention::Here | Mention::Everyone) => None,
            (None, None, Mention::Person(handle)) => Some(untrack(|| self.chat.user_named(handle))?),
            (None, Some(_), _) => return None,
        };
        let is_me = known.map_or(user.is_none(), |known| known.to_me);
        let class = if is_me { "mention to-me" } else { "mention" };
        let user = user.filter(|user| !user.name.is_empty());
        let title = user.as_ref().map(|user| ("title", format!("@{}", user.handle)));
        let shown = user.as_ref().map_or_else(|| mention.name(), |user| user.name.as_str());
        Some(element_with("span", class, title, vec![format!("@{shown}").into_any()]))
    }

    /// A channel that the viewer is in.
    fn channel(self, title: &str) -> Option<AnyView> {
        let room = untrack(|| self.chat.channel_named(title))?;
        let path = Some(("href", path_of(room)));
        Some(element_with("a", "mention", path, vec![format!("#{title}").into_any()]))
    }
}

/// For a block of code, which `frontend/code.js` highlights once it is visible.
pub(crate) fn highlighted() -> NodeRef<Div> {
    let node = NodeRef::<Div>::new();
    effect(move || {
        if let Some(block) = node.get() {
            browser::announce(&block, "roost:code");
        }
    });
    node
}

/// The lines of code. Overflow scrolls, also by keyboard.
fn code_lines(nodes: Nodes<'_, '_>) -> AnyView {
    element_with("pre", "", Some(("tabindex", "0".to_owned())), vec![code(nodes)])
}

fn code(nodes: Nodes<'_, '_>) -> AnyView {
    element("code", "", vec![nodes.plain_text(markup::Spoilers::Shown).into_any()])
}

/// A formula, which is its source in code until `frontend/formulas.js` draws it.
fn formula(class: &'static str, nodes: Nodes<'_, '_>) -> AnyView {
    let focus = (!class.is_empty()).then(|| ("tabindex", "0".to_owned()));
    element_with("tex-formula", class, focus, vec![code(nodes)])
}

fn side(align: Align) -> &'static str {
    match align {
        Align::Start => "",
        Align::Center => "center",
        Align::End => "end",
    }
}

fn link(address: &str, title: &str, words: String, inside: Vec<AnyView>) -> AnyView {
    // Link text may say anything, so the address is shown before one follows the link.
    let title = match title {
        "" if words == address => None,
        "" => Some(address.to_owned()),
        title => Some(format!("{title}\n{address}")),
    };
    view! {
        <a href=address.to_owned() title=title target="_blank" rel="noopener noreferrer nofollow">
            {inside}
        </a>
    }
    .into_any()
}

/// Inline elements, code, and the outer elements of tables. All others get `dir=auto`.
const WITHOUT_DIR: [&str; 10] =
    ["a", "code", "em", "pre", "s", "span", "strong", "table", "tbody", "tex-formula"];

/// An element with any tag but void ones.
fn element(tag: &'static str, class: &'static str, inside: Vec<AnyView>) -> AnyView {
    element_with(tag, class, None, inside)
}

/// The same, with an attribute.
fn element_with(
    tag: &'static str,
    class: &'static str,
    attribute: Option<(&'static str, String)>,
    inside: Vec<AnyView>,
) -> AnyView {
    let class = Some(class).filter(|class| !class.is_empty());
    let dir = (!WITHOUT_DIR.contains(&tag)).then_some("auto");
    let (name, value) = attribute.map_or(("hidden", None), |(name, value)| (name, Some(value)));
    custom(tag).dir(dir).attr("class", class).attr(name, value).child(inside).into_any()
}

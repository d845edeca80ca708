//! Files: uploaded on their own (see `docs/files.md`), then attached to a message.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{ErrorCode, FileId, Refusal, limits, text::one_line_or_none};

/// A file of a message. It is the same for everyone, and never changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
pub struct File {
    /// Names it, also in its address: see [`File::address`].
    pub id: FileId,
    /// Its name, without a path: see [`file_name`].
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type as the server found it in the content, such as `image/png`. What the server does not know is
    /// `application/octet-stream`.
    pub media: String,
    /// What it shows, for those who cannot see it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
    /// Set if the server has drawn smaller copies of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// The first lines of a text: at most [`EXCERPT_LINES_MAX`](limits::EXCERPT_LINES_MAX) lines of
    /// [`EXCERPT_LINE_CHARS_MAX`](limits::EXCERPT_LINE_CHARS_MAX) characters. Left out in previews.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excerpt: String,
}

/// What is known of a picture before it is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
pub struct Picture {
    /// Pixels from left to right, as it is shown: its orientation is already applied.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// A blurred copy in about 25 bytes, in base64: see <https://evanw.github.io/thumbhash/>. Left out in previews.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub blur: String,
}

/// A file to be sent with a message. Its upload must be complete, and by the same person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The upload.
    pub id: FileId,
    /// What it shows: see [`File::alt`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
}

/// The sizes in which the server has a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureSize {
    /// For the timeline: fits into [`PICTURE_SMALL_PX`](limits::PICTURE_SMALL_PX).
    Small,
    /// For the viewer: fits into [`PICTURE_LARGE_PX`](limits::PICTURE_LARGE_PX).
    Large,
}

impl PictureSize {
    /// The word for it in an address.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }
}

impl Attachment {
    /// Validates files to be sent together.
    ///
    /// # Errors
    /// [`ErrorCode::FilesTooMany`]; [`ErrorCode::FileUnknown`] if one comes twice; those of a line of text for what it shows:
    /// [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`].
    pub fn parse(files: Vec<Self>) -> Result<Vec<Self>, Refusal> {
        if files.len() > limits::FILES_MAX {
            return Err(Refusal::new(ErrorCode::FilesTooMany).max(limits::FILES_MAX));
        }
        let mut parsed: Vec<Self> = Vec::with_capacity(files.len());
        for Self { id, alt } in files {
            if parsed.iter().any(|one| one.id == id) {
                return Err(ErrorCode::FileUnknown.into());
            }
            parsed.push(Self { id, alt: one_line_or_none(&alt, limits::FILE_ALT_CHARS_MAX)? });
        }
        Ok(parsed)
    }
}

impl File {
    /// Whether it is shown as a picture.
    #[must_use]
    pub fn is_picture(&self) -> bool {
        self.picture.is_some()
    }

    /// Where it is, from the root of the site: the file itself, or a picture of that size.
    #[must_use]
    pub fn address(&self, size: Option<PictureSize>) -> String {
        let size = size.map(|size| format!("?size={}", size.word())).unwrap_or_default();
        format!("/files/{}{size}", self.id)
    }

    /// What a preview says of it: without the blurred copy, and without the first lines.
    #[must_use]
    pub fn preview(&self) -> Self {
        let picture = self.picture.as_ref().map(|picture| Picture { blur: String::new(), ..picture.clone() });
        Self { picture, excerpt: String::new(), ..self.clone() }
    }
}

/// A safe name for a file: without its path, without characters that show nothing, turn the text round or mean something to a file
/// system, and not longer than [`FILE_NAME_CHARS_MAX`](limits::FILE_NAME_CHARS_MAX); its extension is kept. If nothing is left, `file`.
#[must_use]
pub fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_safe = |c: &char| {
        !(c.is_control()
            || turns_text(*c)
            || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{feff}'))
    };
    let name: String = last.chars().filter(is_safe).collect();
    let name = name.trim().trim_start_matches('.').trim_end_matches(['.', ' ']);
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.chars().count() <= EXTENSION_CHARS_MAX => {
            (stem, format!(".{extension}"))
        }
        _ => (name, String::new()),
    };
    if stem.trim().is_empty() {
        return "file".into();
    }
    let room = limits::FILE_NAME_CHARS_MAX - extension.chars().count();
    let stem: String = stem.chars().take(room).collect();
    // Windows opens devices by these names, whatever the extension.
    let is_device = DEVICES
        .iter()
        .any(|device| stem.split('.').next().unwrap_or_default().trim().eq_ignore_ascii_case(device));
    if is_device { format!("_{stem}{extension}") } else { format!("{stem}{extension}") }
}

const EXTENSION_CHARS_MAX: usize = 12;
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm, and what shows nothing between letters: with them
/// `cod.exe` looks like `exe.doc`.
pub(crate) fn turns_text(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_on_every_system() {
        for (given, safe) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            (r"C:\Users\ana\photo.jpg", "photo.jpg"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\u{0}b\nc.txt", "abc.txt"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("com1.tar.gz", "_com1.tar.gz"),
            ("console.log", "console.log"),
            (".bashrc", "bashrc"),
            ("...", "file"),
            ("", "file"),
            ("  . ", "file"),
            ("name. . .", "name"),
            ("what?<is>:this|*.png", "whatisthis.png"),
            ("会议记录 2026.docx", "会议记录 2026.docx"),
            ("a/b/", "file"),
        ] {
            assert_eq!(file_name(given), safe, "{given:?}");
        }
        let long = format!("{}.jpeg", "长".repeat(500));
        let name = file_name(&long);
        assert_eq!(name.chars().count(), limits::FILE_NAME_CHARS_MAX);
        assert!(name.ends_with("长.jpeg"));
        assert_eq!(file_name(&name), name);
    }

    #[test]
    fn files_of_a_message_are_few_and_different() {
        let file = |n| Attachment { id: FileId(uuid::Uuid::from_u128(n)), alt: "  Two   boats ".into() };
        let parsed = Attachment::parse(vec![file(1), file(2)]).unwrap();
        assert_eq!(parsed[0].alt, "Two boats");
        assert_eq!(Attachment::parse(vec![file(1), file(1)]).unwrap_err().code, ErrorCode::FileUnknown);
        let many = (0..=limits::FILES_MAX as u128).map(file).collect();
        assert_eq!(Attachment::parse(many).unwrap_err().code, ErrorCode::FilesTooMany);
        let long = Attachment { alt: "x".repeat(limits::FILE_ALT_CHARS_MAX + 1), ..file(1) };
        assert_eq!(Attachment::parse(vec![long]).unwrap_err().code, ErrorCode::TextTooLong);
    }
}

//! The envelope: one JSON object in each WebSocket text frame.

use roost_json::{FromJson, Value};
use serde::{Deserialize, Serialize};

use crate::{Command, ErrorCode, Event, Refusal, Reply, limits};

/// A frame from a browser.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFrame {
    /// The browser's number for this command; its answer carries the same.
    pub r#ref: u32,
    /// The command.
    pub command: Command,
}

/// A [`ClientFrame`] to be encoded.
#[derive(Serialize)]
struct Borrowed<'a> {
    r#ref: u32,
    command: &'a Command,
}

/// A frame from a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ServerFrame {
    /// A command succeeded.
    Reply {
        /// The number of the command.
        r#ref: u32,
        /// The reply.
        reply: Reply,
    },
    /// A command was refused; or, without a `ref`, a frame could not be read.
    Refusal {
        /// The number of the command, if it could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#ref: Option<u32>,
        /// The reason.
        refusal: Refusal,
    },
    /// An event.
    Event {
        /// What happened.
        event: Event,
    },
}

impl ClientFrame {
    /// Encodes it as text.
    #[must_use]
    pub fn encode(&self) -> String {
        Self::encode_parts(self.r#ref, &self.command)
    }

    /// The same for a frame of which the command belongs to somebody else.
    #[must_use]
    pub fn encode_parts(r#ref: u32, command: &Command) -> String {
        let frame = Borrowed { r#ref, command };
        serde_json::to_string(&frame).expect("a command has no map with keys that are not strings")
    }

    /// Decodes it from text, strictly. Errors are refusals to send back, with the command's `ref`
    /// if it could be read.
    ///
    /// # Errors
    /// [`ErrorCode::FrameTooLarge`], [`ErrorCode::MalformedFrame`], [`ErrorCode::UnknownCommand`],
    /// [`ErrorCode::MalformedCommand`].
    pub fn decode(text: &str) -> Result<Self, (Option<u32>, Refusal)> {
        if text.len() > limits::FRAME_BYTES_MAX {
            return Err((None, Refusal::new(ErrorCode::FrameTooLarge).max(limits::FRAME_BYTES_MAX)));
        }
        let envelope: Envelope = serde_json::from_str(text)
            .map_err(|e| (None, Refusal::new(ErrorCode::MalformedFrame).detail(e.to_string())))?;
        let refuse = |code, detail: String| (Some(envelope.r#ref), Refusal::new(code).detail(detail));
        let name = envelope.command.get("type").and_then(serde_json::Value::as_str).unwrap_or_default();
        if name.is_empty() {
            return Err(refuse(ErrorCode::MalformedCommand, "a command has a \"type\"".to_owned()));
        }
        if !Command::NAMES.contains(&name) {
            let name: String = name.chars().take(40).collect();
            return Err(refuse(ErrorCode::UnknownCommand, name));
        }
        match Command::deserialize(&envelope.command) {
            Ok(command) => Ok(Self { r#ref: envelope.r#ref, command }),
            Err(e) => Err(refuse(ErrorCode::MalformedCommand, e.to_string())),
        }
    }
}

/// A frame whose command has not been parsed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    r#ref: u32,
    command: serde_json::Value,
}

impl ServerFrame {
    /// Encodes it as text.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a reply has no map with keys that are not strings")
    }

    /// Decodes it from text, leniently: ignores what only newer versions know.
    ///
    /// # Errors
    /// What is wrong with text that is not a frame.
    pub fn decode(text: &str) -> Result<Self, roost_json::Error> {
        roost_json::from_str(text)
    }
}

impl FromJson for ServerFrame {
    fn from_json(value: Value) -> Result<Self, roost_json::Error> {
        let mut frame = value.into_object()?;
        if frame.has("reply") {
            Ok(Self::Reply { r#ref: frame.read("ref")?, reply: frame.read("reply")? })
        } else if frame.has("refusal") {
            Ok(Self::Refusal { r#ref: frame.read("ref")?, refusal: frame.read("refusal")? })
        } else {
            Ok(Self::Event { event: frame.read("event")? })
        }
    }
}

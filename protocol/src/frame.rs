//! The envelope: one JSON object in each WebSocket text frame.

use roost_json::{FromJson, Value};
use serde::{Deserialize, Serialize};

use crate::{Command, ErrorCode, Event, Refusal, Reply, limits};

/// From a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFrame {
    /// The browser's number for this command; its answer carries the same.
    pub r#ref: u32,
    /// What is asked.
    pub command: Command,
}

/// From a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ServerFrame {
    /// A command happened.
    Reply {
        /// Of which command.
        r#ref: u32,
        /// The answer.
        reply: Reply,
    },
    /// A command did not happen; or, without a `ref`, a frame could not be read.
    Refusal {
        /// Of which command, where that could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#ref: Option<u32>,
        /// Why not.
        refusal: Refusal,
    },
    /// Something happened.
    Event {
        /// What.
        event: Event,
    },
}

impl ClientFrame {
    /// As text.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a command has no map with keys that are not strings")
    }

    /// From text, strictly. A fault is answered with the refusal that says what it was, and with the
    /// command's `ref` where that could be read.
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

/// A frame whose command has not been looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    r#ref: u32,
    command: serde_json::Value,
}

impl ServerFrame {
    /// As text.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a reply has no map with keys that are not strings")
    }

    /// From text, leniently: ignores what only newer versions know.
    ///
    /// # Errors
    /// What is wrong with text that is no frame at all.
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

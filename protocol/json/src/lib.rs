//! A JSON reader with small code size, for the browser.
//!
//! serde generates a separate reader for each type and each way of reading it, which is fast but
//! large: a seventh of the first download. Here [`parse`] builds one small tree from any text, and
//! [`FromJson`] converts the tree. A type that derives both reads the same JSON either way, because
//! both follow the same `#[serde(…)]` attributes; an attribute that this crate does not know does
//! not compile. Servers read with serde, which has more precise errors. Both sides write with
//! serde.
//!
//! ```
//! use roost_json::FromJson;
//!
//! #[derive(Debug, PartialEq, FromJson)]
//! #[serde(tag = "type", rename_all = "snake_case")]
//! enum Event {
//!     RoomRenamed {
//!         title: String,
//!         #[serde(default)]
//!         topic: Option<String>,
//!     },
//!     #[serde(other)]
//!     Unknown,
//! }
//!
//! let event = roost_json::from_str(r#"{"type": "room_renamed", "title": "tea"}"#);
//! assert_eq!(event, Ok(Event::RoomRenamed { title: "tea".to_owned(), topic: None }));
//! ```

mod parse;
mod types;

pub use parse::{DEPTH_MAX, parse};
/// Implements [`FromJson`] according to the type's `#[serde(…)]` attributes: `tag`,
/// `rename_all = "snake_case"`, `transparent`, `try_from`, `rename`, `default`, `other` and `skip`
/// mean the same as for serde; those for writing are ignored. Unknown fields are always ignored:
/// `deny_unknown_fields` is for servers.
pub use roost_json_derive::FromJson;

/// A parsed text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number that is not an integer or exceeds an `i64`. Roost has none, so nothing can be read
    /// from it; newer servers may send one.
    OtherNumber,
    /// Text.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// Fields, in order.
    Object(Object),
}

/// The fields of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub(crate) Vec<(String, Value)>);

impl Object {
    /// Removes and returns a field.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Removes a field and reads it. A missing field is an error, except for an `Option`.
    ///
    /// # Errors
    /// The field is missing, or has another type.
    pub fn read<T: FromJson>(&mut self, name: &'static str) -> Result<T, Error> {
        match self.take(name) {
            Some(value) => T::from_json(value),
            None => T::missing().ok_or(Error(name)),
        }
    }

    /// Removes a field and reads it, if it exists.
    ///
    /// # Errors
    /// The field has another type.
    pub fn read_or<T: FromJson>(&mut self, name: &str, default: impl FnOnce() -> T) -> Result<T, Error> {
        self.take(name).map_or_else(|| Ok(default()), T::from_json)
    }

    /// Whether it has this field.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }
}

impl Value {
    /// # Errors
    /// It is another kind of value.
    pub fn into_object(self) -> Result<Object, Error> {
        if let Self::Object(object) = self { Ok(object) } else { Err(Error("an object")) }
    }

    /// # Errors
    /// It is another kind of value.
    pub fn into_array(self) -> Result<Vec<Value>, Error> {
        if let Self::Array(array) = self { Ok(array) } else { Err(Error("an array")) }
    }

    /// # Errors
    /// It is another kind of value.
    pub fn into_string(self) -> Result<String, Error> {
        if let Self::String(text) = self { Ok(text) } else { Err(Error("a string")) }
    }
}

/// A read error: what was expected, or the missing field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(pub &'static str);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected ")?;
        f.write_str(self.0)
    }
}

impl std::error::Error for Error {}

/// A type that can be read from a parsed text.
pub trait FromJson: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// The value has another type, or lacks a field.
    fn from_json(value: Value) -> Result<Self, Error>;

    /// The value of a missing field of this type, if that is allowed.
    #[must_use]
    fn missing() -> Option<Self> {
        None
    }
}

/// Parses and reads a text.
///
/// # Errors
/// It is not JSON, or not such a value.
pub fn from_str<T: FromJson>(text: &str) -> Result<T, Error> {
    T::from_json(parse(text)?)
}

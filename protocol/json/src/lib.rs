//! Reads JSON in little code, for the browser.
//!
//! serde writes a reader of its own for each type and for each way to read it, which is quick and large: a seventh of the
//! first download. Here [`parse`] makes one small tree of any text, and [`FromJson`] takes the tree apart. A type that derives
//! both reads the same JSON either way, because both follow the same `#[serde(…)]` attributes; one that this crate does
//! not know does not compile. Servers read with serde, which says more exactly what is wrong with a text. Writing is
//! serde's on both sides.
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
/// Implements [`FromJson`] by the type's `#[serde(…)]` attributes: `tag`, `rename_all = "snake_case"`, `transparent`,
/// `try_from`, `rename`, `default`, `other` and `skip` mean what they mean to serde; those about writing are passed over. What is
/// not known is always passed over: `deny_unknown_fields` is for servers.
pub use roost_json_derive::FromJson;

/// A parsed text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number that is not whole or beyond an `i64`. Roost has none, so nothing can be read from it; newer servers may send one.
    OtherNumber,
    /// Text.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// Fields, in their order.
    Object(Object),
}

/// The fields of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub(crate) Vec<(String, Value)>);

impl Object {
    /// Takes a field out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a field out and reads it. One that is not there is an error, except for an `Option`.
    ///
    /// # Errors
    /// The field is not there, or is of another type.
    pub fn read<T: FromJson>(&mut self, name: &'static str) -> Result<T, Error> {
        match self.take(name) {
            Some(value) => T::from_json(value),
            None => T::missing().ok_or(Error(name)),
        }
    }

    /// Takes a field out and reads it, if it is there.
    ///
    /// # Errors
    /// The field is of another type.
    pub fn read_or<T: FromJson>(&mut self, name: &str, default: impl FnOnce() -> T) -> Result<T, Error> {
        self.take(name).map_or_else(|| Ok(default()), T::from_json)
    }

    /// Whether it has the field.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }
}

impl Value {
    /// # Errors
    /// It is something else.
    pub fn into_object(self) -> Result<Object, Error> {
        if let Self::Object(object) = self { Ok(object) } else { Err(Error("an object")) }
    }

    /// # Errors
    /// It is something else.
    pub fn into_array(self) -> Result<Vec<Value>, Error> {
        if let Self::Array(array) = self { Ok(array) } else { Err(Error("an array")) }
    }

    /// # Errors
    /// It is something else.
    pub fn into_string(self) -> Result<String, Error> {
        if let Self::String(text) = self { Ok(text) } else { Err(Error("a string")) }
    }
}

/// What could not be read: what was expected, or the field that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(pub &'static str);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected ")?;
        f.write_str(self.0)
    }
}

impl std::error::Error for Error {}

/// A type that is read from a parsed text.
pub trait FromJson: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// The value is of another type, or lacks a field.
    fn from_json(value: Value) -> Result<Self, Error>;

    /// What a field of this type is that is not there.
    #[must_use]
    fn missing() -> Option<Self> {
        None
    }
}

/// Reads a text.
///
/// # Errors
/// It is no JSON, or not such a value.
pub fn from_str<T: FromJson>(text: &str) -> Result<T, Error> {
    T::from_json(parse(text)?)
}

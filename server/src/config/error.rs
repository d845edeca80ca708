//! Errors in settings, each in one line that names the setting.

use clap::{
    CommandFactory as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Config;

/// Why the server does not start with these settings, in one line that names the setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A setting is wrong or missing.
    #[error("{setting}: {fault}")]
    Setting {
        /// The setting, as `ENVIRONMENT_VARIABLE (--flag)`.
        setting: String,
        /// What is wrong, and what is expected.
        fault: String,
    },
    /// Not an error: the text of `--help` or `--version`.
    #[error("{0}")]
    Help(String),
}

impl Error {
    pub(super) fn new(setting: &str, fault: impl Into<String>) -> Self {
        Self::Setting { setting: setting.to_owned(), fault: fault.into() }
    }
}

/// Converts a clap error to one line that names the setting.
pub(super) fn one_line(e: &clap::Error) -> Error {
    if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Error::Help(e.to_string());
    }
    let text = |kind| match e.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(_) | None => String::new(),
    };
    let command = Config::command();
    let named = text(ContextKind::InvalidArg);
    let arg = command.get_arguments().find(|arg| {
        arg.get_long().is_some_and(|long| named.split([' ', '=', '[']).next() == Some(&format!("--{long}")))
    });
    let Some(arg) = arg else {
        let fault = if named.is_empty() {
            e.kind().to_string()
        } else {
            format!("there is no such setting: {named}")
        };
        return Error::new("arguments", format!("{fault}; server --help lists every setting"));
    };
    let value = text(ContextKind::InvalidValue);
    let fault = if e.kind() == ErrorKind::MissingRequiredArgument {
        "is missing".to_owned()
    } else if value.is_empty() {
        "is empty".to_owned()
    } else if arg.is_hide_env_values_set() {
        "has a wrong form".to_owned()
    } else {
        format!("\"{value}\" is wrong")
    };
    Error::new(&setting_name(arg), format!("{fault}; expected {}", expected(arg, e)))
}

fn setting_name(arg: &clap::Arg) -> String {
    let flag = arg.get_long().unwrap_or_default();
    let env = arg.get_env().map(|env| env.to_string_lossy().into_owned());
    env.map_or_else(|| format!("--{flag}"), |env| format!("{env} (--{flag})"))
}

/// The possible values, or else the value name shown by `--help`, with the value parser's error.
fn expected(arg: &clap::Arg, e: &clap::Error) -> String {
    if let Some(ContextValue::Strings(values)) = e.get(ContextKind::ValidValue)
        && !values.is_empty()
    {
        return values.join(", ");
    }
    let form = arg.get_value_names().unwrap_or_default().join(" ");
    match std::error::Error::source(e) {
        Some(source) => format!("{form} ({source})"),
        None => form,
    }
}

//! A labelled form field that works without script.

use leptos::prelude::*;
use protocol::{FormName, FormState, Page};

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::words::use_words;

/// What a refused form returns for its fields.
#[derive(Clone, Debug, Default)]
pub struct RefusedForm(Option<FormState>);

impl RefusedForm {
    /// The state of this form, if it was refused.
    #[must_use]
    pub fn of(page: &Page, form: FormName) -> Self {
        Self(page.form.clone().filter(|state| state.form == form))
    }

    /// The value that was submitted.
    #[must_use]
    pub fn value(&self, name: &str) -> String {
        self.0.as_ref().and_then(|state| state.value(name)).unwrap_or_default().to_owned()
    }

    /// Whether it was refused at all.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Whether one particular field was refused.
    fn has_culprit(&self) -> bool {
        self.0.as_ref().is_some_and(|state| !state.field.is_empty())
    }

    /// Why this field was refused; the empty name stands for the form as a whole.
    #[must_use]
    pub fn words(&self, name: &str) -> Option<String> {
        let state = self.0.as_ref().filter(|state| state.field == name)?;
        Some(use_words().refusal(&state.refusal))
    }
}

/// A text field with its label, a hint below, and the error if it was refused.
#[component]
pub fn Field(
    /// The name under which it is posted.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// The refused form.
    refused: RefusedForm,
    /// `text` or `password`.
    #[prop(default = "text")]
    kind: &'static str,
    /// The `autocomplete` attribute.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// A hint below the field.
    #[prop(optional)]
    hint: &'static str,
    /// An example inside the empty field.
    #[prop(optional)]
    example: &'static str,
    /// The initial value. A refused form shows the submitted value instead.
    #[prop(optional)]
    value: String,
    /// Whether it may stay empty.
    #[prop(optional)]
    may_be_empty: bool,
    /// Whether this field gets focus when the page loads.
    #[prop(optional)]
    first: bool,
) -> impl IntoView {
    let words = refused.words(name);
    let value = match kind {
        "password" => String::new(),
        _ if refused.is_some() => refused.value(name),
        _ => value,
    };
    let is_bad = words.is_some().then_some("true");
    // In a refused form, the refused field gets focus.
    let begins = if refused.has_culprit() { words.is_some() } else { first };
    let id = format!("field-{name}");
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let described = match (words.is_some(), hint.is_empty()) {
        (true, _) => Some(error_id.clone()),
        (false, false) => Some(hint_id.clone()),
        (false, true) => None,
    };
    view! {
        <div class="field" data-invalid=is_bad>
            <label for=id.clone()>{label}</label>
            <input
                id=id
                name=name
                type=kind
                value=value
                required=!may_be_empty
                dir="auto"
                placeholder=example
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                autofocus=begins
                aria-invalid=is_bad
                aria-describedby=described
            />
            {match words {
                Some(words) => view! { <p class="field-error" id=error_id>{words}</p> }.into_any(),
                None if hint.is_empty() => ().into_any(),
                None => view! { <p class="field-hint" id=hint_id>{hint}</p> }.into_any(),
            }}
        </div>
    }
}

/// Why a form was refused as a whole.
#[component]
pub fn FormError(
    /// The refused form.
    refused: RefusedForm,
) -> impl IntoView {
    refused.words("").map(|words| view! { <p class="form-error" role="alert">{words}</p> }.into_any())
}

/// Tells password managers, which store passwords by account, whose new password this form sets.
pub fn account_of(handle: String) -> AnyView {
    view! { <input type="text" name="handle" autocomplete="username" value=handle hidden/> }.into_any()
}

//! The serde attributes that matter for reading. Unknown ones are errors, because they might change
//! what is read.

use proc_macro2::Ident;
use syn::{Attribute, ExprPath, LitStr, Result, Type, meta::ParseNestedMeta};

use crate::plain;

/// The attributes of a type.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) tag: Option<String>,
    pub(crate) try_from: Option<Type>,
    pub(crate) transparent: bool,
    snake_case: bool,
}

impl Container {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        each(attributes, |meta| {
            if meta.path.is_ident("tag") {
                found.tag = Some(text(&meta)?);
            } else if meta.path.is_ident("try_from") {
                found.try_from = Some(literal(&meta)?.parse()?);
            } else if meta.path.is_ident("transparent") {
                found.transparent = true;
            } else if meta.path.is_ident("rename_all") {
                found.snake_case = text(&meta)? == "snake_case";
                if !found.snake_case {
                    return Err(meta.error("FromJson knows only rename_all = \"snake_case\""));
                }
            } else if meta.path.is_ident("into") {
                text(&meta)?;
            } else if !meta.path.is_ident("deny_unknown_fields") {
                return Err(meta.error("FromJson does not know this attribute of a type"));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The name of a variant in JSON.
    pub(crate) fn rename(&self, ident: &Ident) -> String {
        let name = plain(ident);
        if !self.snake_case {
            return name;
        }
        let mut snake = String::new();
        for (at, letter) in name.char_indices() {
            if at > 0 && letter.is_uppercase() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        snake
    }
}

/// The attributes of a variant.
#[derive(Default)]
pub(crate) struct OfVariant {
    pub(crate) rename: Option<String>,
    pub(crate) other: bool,
}

impl OfVariant {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        each(attributes, |meta| {
            if meta.path.is_ident("rename") {
                found.rename = Some(text(&meta)?);
            } else if meta.path.is_ident("other") {
                found.other = true;
            } else {
                return Err(meta.error("FromJson does not know this attribute of a variant"));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// What to do if a field is missing.
#[derive(Default)]
pub(crate) enum Missing {
    /// Fail.
    #[default]
    IsWrong,
    /// Use the type's own rule.
    Default,
    /// Call this function.
    Made(ExprPath),
}

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct OfField {
    pub(crate) rename: Option<String>,
    pub(crate) missing: Missing,
    pub(crate) skip: bool,
}

impl OfField {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        each(attributes, |meta| {
            if meta.path.is_ident("rename") {
                found.rename = Some(text(&meta)?);
            } else if meta.path.is_ident("skip") {
                found.skip = true;
            } else if meta.path.is_ident("default") {
                found.missing = match meta.input.peek(syn::Token![=]) {
                    true => Missing::Made(literal(&meta)?.parse()?),
                    false => Missing::Default,
                };
            } else if meta.path.is_ident("skip_serializing_if") {
                text(&meta)?;
            } else {
                return Err(meta.error("FromJson does not know this attribute of a field"));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn each(attributes: &[Attribute], mut take: impl FnMut(ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(&mut take)?;
    }
    Ok(())
}

fn literal(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    meta.value()?.parse()
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<String> {
    literal(meta).map(|literal| literal.value())
}

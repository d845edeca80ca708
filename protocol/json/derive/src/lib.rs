//! `#[derive(FromJson)]`: see the crate `roost-json`.

mod attributes;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DataEnum, DeriveInput, Error, Field, Fields, FieldsNamed, Ident, Result, Variant};

use self::attributes::{Container, Missing, OfField, OfVariant};

/// Implements `roost_json::FromJson` according to the type's `#[serde(…)]` attributes.
#[proc_macro_derive(FromJson, attributes(serde))]
pub fn derive_from_json(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    implement(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

fn implement(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "FromJson is derived for types without parameters"));
    }
    let container = Container::of(&input.attrs)?;
    let body = if let Some(from) = &container.try_from {
        quote! {
            let from: #from = ::roost_json::FromJson::from_json(value)?;
            from.try_into().map_err(|_| ::roost_json::Error("another value"))
        }
    } else {
        match &input.data {
            Data::Struct(data) => of_struct(&container, &data.fields)?,
            Data::Enum(data) => of_enum(&container, data)?,
            Data::Union(_) => return Err(Error::new_spanned(input, "FromJson is not derived for unions")),
        }
    };
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl ::roost_json::FromJson for #name {
            fn from_json(value: ::roost_json::Value) -> ::core::result::Result<Self, ::roost_json::Error> {
                #body
            }
        }
    })
}

fn of_struct(container: &Container, fields: &Fields) -> Result<TokenStream> {
    match fields {
        Fields::Named(named) if !container.transparent => {
            let fields = read_fields(named)?;
            Ok(quote! {
                let mut object = value.into_object()?;
                Ok(Self { #fields })
            })
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            Ok(quote! { ::roost_json::FromJson::from_json(value).map(Self) })
        }
        Fields::Unnamed(unnamed) => {
            let count = unnamed.unnamed.len();
            let values: Vec<_> = (0..count).map(|at| format_ident!("value_{at}")).collect();
            Ok(quote! {
                let values: [::roost_json::Value; #count] =
                    value.into_array()?.try_into().map_err(|_| ::roost_json::Error("another number of values"))?;
                let [#(#values),*] = values;
                Ok(Self(#(::roost_json::FromJson::from_json(#values)?),*))
            })
        }
        Fields::Named(_) | Fields::Unit => {
            Err(Error::new_spanned(fields, "FromJson reads structs of fields"))
        }
    }
}

fn of_enum(container: &Container, data: &DataEnum) -> Result<TokenStream> {
    let mut other = quote! { Err(::roost_json::Error("a known name")) };
    let mut arms = Vec::new();
    for variant in &data.variants {
        let of = OfVariant::of(&variant.attrs)?;
        let ident = &variant.ident;
        if of.other {
            other = quote! { Ok(Self::#ident) };
            continue;
        }
        let name = of.rename.unwrap_or_else(|| container.rename(ident));
        let made = if container.tag.is_some() { tagged(variant)? } else { untagged(variant)? };
        arms.push(quote! { #name => { #made } });
    }
    let begin = match &container.tag {
        Some(tag) => quote! {
            let mut object = value.into_object()?;
            let name: ::std::string::String = object.read(#tag)?;
        },
        None => quote! { let name = value.into_string()?; },
    };
    Ok(quote! {
        #begin
        match name.as_str() {
            #(#arms)*
            _ => #other,
        }
    })
}

/// A variant whose fields are beside the tag.
fn tagged(variant: &Variant) -> Result<TokenStream> {
    let ident = &variant.ident;
    match &variant.fields {
        Fields::Unit => Ok(quote! { Ok(Self::#ident) }),
        Fields::Named(named) => {
            let fields = read_fields(named)?;
            Ok(quote! { Ok(Self::#ident { #fields }) })
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => Ok(quote! {
            ::roost_json::FromJson::from_json(::roost_json::Value::Object(object)).map(Self::#ident)
        }),
        Fields::Unnamed(unnamed) => Err(Error::new_spanned(unnamed, "FromJson reads variants of one field")),
    }
}

fn untagged(variant: &Variant) -> Result<TokenStream> {
    let ident = &variant.ident;
    match &variant.fields {
        Fields::Unit => Ok(quote! { Ok(Self::#ident) }),
        Fields::Named(_) | Fields::Unnamed(_) => {
            Err(Error::new_spanned(variant, "a variant with fields needs #[serde(tag = \"…\")] on the enum"))
        }
    }
}

/// `a: object.read("a")?, b: …`.
fn read_fields(fields: &FieldsNamed) -> Result<TokenStream> {
    fields.named.iter().map(read_field).collect()
}

fn read_field(field: &Field) -> Result<TokenStream> {
    let of = OfField::of(&field.attrs)?;
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a field has a name"))?;
    let name = of.rename.unwrap_or_else(|| plain(ident));
    let read = match of.missing {
        _ if of.skip => quote! { ::core::default::Default::default() },
        Missing::IsWrong => quote! { object.read(#name)? },
        Missing::Default => quote! { object.read_or(#name, ::core::default::Default::default)? },
        Missing::Made(path) => quote! { object.read_or(#name, #path)? },
    };
    Ok(quote! { #ident: #read, })
}

/// The identifier without `r#`.
fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or_else(|| text.clone(), str::to_owned)
}

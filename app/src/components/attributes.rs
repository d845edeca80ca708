//! The attributes that every element has. They shadow those of Leptos, which creates a type for
//! each pair of attribute name and value type, and code for each type: several kB of the download.
//! Here the name is a value, so there is one type per value type.
//!
//! A file with a view imports these traits by name, beside Leptos's prelude.

use leptos::{
    attr::{
        AttributeValue,
        custom::{CustomAttr, CustomAttribute},
    },
    prelude::AddAnyAttr,
};

macro_rules! attributes {
    ($($doc:literal $of:ident: $($method:ident $name:literal),+;)+) => {
        $(
            #[doc = $doc]
            pub(crate) trait $of<V: AttributeValue>: CustomAttribute<&'static str, V> {
                $(
                    fn $method(self, value: V) -> <Self as AddAnyAttr>::Output<CustomAttr<&'static str, V>> {
                        self.attr($name, value)
                    }
                )+
            }

            impl<T: CustomAttribute<&'static str, V>, V: AttributeValue> $of<V> for T {}
        )+
    };
}

attributes! {
    "What an element tells whoever does not see it."
    AriaAttributes:
        aria_atomic "aria-atomic",
        aria_activedescendant "aria-activedescendant",
        aria_busy "aria-busy",
        aria_checked "aria-checked",
        aria_controls "aria-controls",
        aria_current "aria-current",
        aria_describedby "aria-describedby",
        aria_description "aria-description",
        aria_disabled "aria-disabled",
        aria_expanded "aria-expanded",
        aria_haspopup "aria-haspopup",
        aria_hidden "aria-hidden",
        aria_invalid "aria-invalid",
        aria_keyshortcuts "aria-keyshortcuts",
        aria_label "aria-label",
        aria_labelledby "aria-labelledby",
        aria_live "aria-live",
        aria_pressed "aria-pressed",
        aria_relevant "aria-relevant",
        aria_selected "aria-selected";
    "What else every element may have."
    GlobalAttributes:
        autocapitalize "autocapitalize",
        autofocus "autofocus",
        dir "dir",
        draggable "draggable",
        enterkeyhint "enterkeyhint",
        hidden "hidden",
        id "id",
        lang "lang",
        role "role",
        spellcheck "spellcheck",
        tabindex "tabindex",
        title "title",
        translate "translate";
}

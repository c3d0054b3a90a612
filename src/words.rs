//! Words of the report: an enum and the word of each variant, said once; and values that are written as text.

/// Declares an enum whose variants have a word each: `name()`, `Display`, every variant in order (`ALL`), and serde,
/// all by that word.
macro_rules! words {
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident {
        $($(#[$variant_attribute:meta])* $variant:ident = $word:literal,)+
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            schemars::JsonSchema)]
        $visibility enum $name {
            $($(#[$variant_attribute])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in the report.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

/// A type with another, shorter form for files that no user reads.
pub(crate) trait Compact: Sized {
    /// Plain numbers and bytes.
    type Form: serde::Serialize + serde::de::DeserializeOwned;

    fn form(&self) -> Self::Form;

    fn of(form: Self::Form) -> Self;
}

/// serde and a schema for types whose `Display` and `FromStr` are inverse: as their text, of which the pattern is given. In formats that
/// nobody reads, as their [`Compact`] form.
macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ty as $title:literal: $pattern:literal,)+) => {$(
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $title.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    "description": concat!($($doc),+).trim(),
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                serde::Serialize::serialize(&crate::words::Compact::form(self), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return serde::Deserialize::deserialize(deserializer).map(crate::words::Compact::of);
                }
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

pub(crate) use {texts, words};

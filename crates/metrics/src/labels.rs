//! Labels: enums whose names are values, and structs of them.

/// An enum of all values of a label.
#[macro_export]
macro_rules! label {
    ($(#[$about:meta])* $vis:vis enum $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name { $($variant),+ }

        impl $name {
            /// All there are.
            $vis const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is told.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl $crate::encoding::EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut $crate::encoding::LabelValueEncoder) -> ::std::fmt::Result {
                ::std::fmt::Write::write_str(encoder, self.as_str())
            }
        }
    };
}

/// A set of labels.
#[macro_export]
macro_rules! labels {
    ($(#[$about:meta])* $vis:vis struct $name:ident { $($of:vis $field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        $vis struct $name { $($of $field: $kind),+ }

        impl $crate::encoding::EncodeLabelSet for $name {
            fn encode(&self, encoder: &mut $crate::encoding::LabelSetEncoder) -> ::std::fmt::Result {
                use $crate::encoding::EncodeLabel as _;
                $((stringify!($field), ::std::clone::Clone::clone(&self.$field)).encode(encoder.encode_label())?;)+
                Ok(())
            }
        }
    };
}

//! The explicit table of a crate's kinds: one line a kind.

/// Makes the modules of these kinds and `KINDS`, the table of them. Each entry is the file of a kind and its type:
/// `file_write::FileWrite`.
///
/// `cargo fmt` does not look into macros; `cargo xtask tidy` holds the files that are named in one to the format.
#[macro_export]
macro_rules! kinds {
    ($($module:ident :: $kind:ident),+ $(,)?) => {
        $(mod $module;)+

        /// The kinds of this crate.
        pub const KINDS: &[&dyn $crate::Kind] = &[$(&$module::$kind),+];
    };
}

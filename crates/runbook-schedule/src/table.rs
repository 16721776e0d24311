//! How a table of rules is written: one line a rule.

/// Makes the modules of these rules, and the table of what each calls `RULE`.
macro_rules! rules {
    ($(#[$doc:meta])* $table:ident: $($rule:ident),+ $(,)?) => {
        $(mod $rule;)+

        $(#[$doc])*
        const $table: &[Rule] = &[$($rule::RULE),+];
    };
}

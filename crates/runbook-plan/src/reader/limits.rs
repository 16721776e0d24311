//! How much a document may hold.

/// The largest document, in bytes.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// The deepest nesting of lists and maps.
pub(super) const MAX_DEPTH: usize = 48;
/// How many values and keys a document may hold.
pub(super) const MAX_NODES: usize = 1_000_000;
/// Up to so many keys a map is searched from the front; longer ones get an index.
pub(super) const FEW_KEYS: usize = 16;

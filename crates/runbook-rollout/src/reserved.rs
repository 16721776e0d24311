//! How long a host is kept.

use std::time::Duration;

/// For how long a host is kept each time, in milliseconds; at half of it it is asked for again.
pub(crate) const RESERVED_MS: u64 = 60 * 60 * 1000;
/// The same: a controller that does not come back holds up nobody for longer.
pub const RESERVED: Duration = Duration::from_millis(RESERVED_MS);

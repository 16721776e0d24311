//! The command line keeps the small promises: it asks and then listens, names what is meant, and says the true reason.

mod consent;
mod names;
mod page;
mod plans;
mod reasons;
mod tars;
mod typed;

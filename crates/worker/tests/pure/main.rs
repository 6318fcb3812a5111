//! What needs neither a database nor a provider.

mod decisions;
mod slots;

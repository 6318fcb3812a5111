//! One file a command: its arguments, and what it does with them.

pub mod apply;
pub mod audit;
pub mod bench;
pub mod check;
pub mod dev;
pub mod doctor;
pub mod effects;
pub mod endpoint;
pub mod explain;
pub mod export;
pub mod files;
pub mod fire;
pub mod held;
pub mod import;
pub mod init;
pub mod messages;
pub mod once;
pub mod plan;
pub mod sandbox;
pub mod serve;
pub mod tenant;
pub mod work;

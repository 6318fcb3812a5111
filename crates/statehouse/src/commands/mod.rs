//! One file a command: its arguments, and what it does with them.

pub mod apply;
pub mod audit;
pub mod bench;
pub mod check;
pub mod dev;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod files;
pub mod fire;
pub mod import;
pub mod init;
pub mod once;
pub mod plan;
pub mod serve;
pub mod tenant;

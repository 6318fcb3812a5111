//! The faces, asked over real connections.

mod auth;
mod crawl;
mod files;
mod forms;
mod limits;
mod links;
mod people;
mod records;
mod status;
mod world;

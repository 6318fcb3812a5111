//! The faces, asked over real connections.

mod auth;
mod crawl;
mod files;
mod forms;
mod inbound;
mod limits;
mod links;
mod outside;
mod people;
mod records;
mod status;
mod world;

//! The real binary, as a person or a script meets it.

mod binary;
mod booking;
mod check;
mod database;
mod dev;
mod init;
mod outside;
mod sandbox;
mod serve;

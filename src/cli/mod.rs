//! The program.

pub mod local_time;

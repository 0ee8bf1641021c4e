//! Alerts: told once, whatever happens to the run and to whom it tells.
mod commands;
mod faults;
mod follow;
mod incident;
mod night;
mod once;
mod receiver;

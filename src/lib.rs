pub mod domain;
pub mod egress;
pub mod upstream;

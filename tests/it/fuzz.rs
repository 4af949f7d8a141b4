//! The inputs of `fuzz/seeds`, each through the fuzzing target of its folder: what fuzzing found once stays found.

#[path = "../../fuzz/targets/mod.rs"]
mod targets;

use std::fs;

use targets::TARGETS;

#[test]
fn the_parsers_keep_their_promises_for_every_seed() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds");
    let mut folders: Vec<_> = fs::read_dir(seeds)
        .unwrap()
        .map(|folder| folder.unwrap().file_name())
        .collect();
    folders.sort();
    assert_eq!(folders, TARGETS.map(|(name, _)| name), "a folder for each target");
    for (name, target) in TARGETS {
        for seed in fs::read_dir(format!("{seeds}/{name}")).unwrap() {
            let path = seed.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(path).unwrap());
        }
    }
}

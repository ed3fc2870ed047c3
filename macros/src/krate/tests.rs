use super::rename_in;

#[test]
fn every_way_to_rename_a_dependency_is_seen() {
    for manifest in [
        "[dependencies]\npb = { package = \"postbox\", version = \"1\" }",
        "[dependencies]\nother = \"1\"\npb = { version = \"1\", package = 'postbox' } # the actors",
        "[dependencies.pb]\nversion = \"1\"\npackage = \"postbox\"",
        "[dependencies]\npb.version = \"1\"\npb.package = \"postbox\"",
        "[target.'cfg(unix)'.dependencies]\npb = { package = \"postbox\" }",
        "[dev-dependencies]\n\"pb\" = { package = \"postbox\" }",
    ] {
        assert_eq!(rename_in(manifest).as_deref(), Some("pb"), "{manifest}");
    }
}

#[test]
fn the_own_name_and_the_macro_crate_are_no_renames() {
    for manifest in [
        "[dependencies]\npostbox = \"1\"",
        "[dependencies]\npostbox = { version = \"1\" }\n[dev-dependencies]\npb = { package = \"postbox\" }",
        "[dependencies]\nm = { package = \"postbox-macros\" }",
        "[package]\npackage = \"postbox\"",
        "[dependencies]\n# pb = { package = \"postbox\" }",
    ] {
        assert_eq!(rename_in(manifest), None, "{manifest}");
    }
}

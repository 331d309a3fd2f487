#[test]
fn list() {
    for attribute in ctx::compose::schema::attributes() {
        println!("{attribute}");
    }
}

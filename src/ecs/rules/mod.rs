//! What each attribute changes in the template, a theme a file.

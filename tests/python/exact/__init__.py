"""What `test_compiler_exact` is made of: nasty lines, named functions, a grammar, two servers."""

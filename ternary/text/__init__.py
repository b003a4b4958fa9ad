"""From text to batches: corpora, tokenizer, token store, loader and the embedded corpus."""

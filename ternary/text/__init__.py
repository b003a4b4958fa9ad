"""From text to batches: readers, corpora, tokenizer, token store and loader."""

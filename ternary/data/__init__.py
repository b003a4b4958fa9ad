"""From text to batches: corpora, tokenizer, token store and loader."""

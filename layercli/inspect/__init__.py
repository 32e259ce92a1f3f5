"""From a model or a file to plain facts about it; nothing here draws them."""

"""SGLang: installed by pip, or in a container."""

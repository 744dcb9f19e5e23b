"""One file per platform: its frames in, our `Incoming` out; our replies in, its calls out."""

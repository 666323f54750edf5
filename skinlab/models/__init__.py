"""Plain torch.nn: timm backbones, segmenters, heads."""

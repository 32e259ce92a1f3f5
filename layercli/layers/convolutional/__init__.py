"""convolutional"""

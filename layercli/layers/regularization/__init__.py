"""regularization"""

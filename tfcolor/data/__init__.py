"""Photos for training and measuring: sources by name, their mixture, augmentation. TensorFlow's by choice (tf.data)."""

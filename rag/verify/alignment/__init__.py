"""The packaged alignment model: token alignment, features, trees and networks."""

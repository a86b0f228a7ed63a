"""The packaged support model: token alignment, features, trees and networks."""

"""Learning rates that are scaled after a model is compiled."""

import keras


@keras.saving.register_keras_serializable("coopkeras")
class Scaled(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of the learning rate, times a factor.

    Args:
        schedule: a Keras schedule.
        factor: a number.

    Example:
        >>> float(Scaled(keras.optimizers.schedules.CosineDecay(1.0, 10), 0.5)(0))
        0.5
    """

    def __init__(self, schedule, factor):
        super().__init__()
        self.schedule, self.factor = schedule, factor

    def __call__(self, step):
        return self.factor * self.schedule(step)

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "factor": self.factor}

    @classmethod
    def from_config(cls, config):
        """Make the schedule that `get_config` described."""
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["factor"])


def scale_learning_rate(optimizer, of_schedule, of_number):
    """Scale the learning rate of an optimizer that is in no traced graph yet.

    Args:
        optimizer: a Keras optimizer.
        of_schedule: factor of a schedule, which is no part of the optimizer's variables.
        of_number: factor of a learning rate that is a number: one of the variables.
    """
    rate = optimizer._learning_rate  # a public attribute would be the schedule's value
    if callable(rate):
        optimizer.learning_rate = Scaled(rate, of_schedule)
    else:
        optimizer.learning_rate = float(rate) * of_number

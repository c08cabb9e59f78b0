"""Public-schema table of the language model's answers, so that none is paid for twice."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class LlmAnswer(models.Model):
    """One answer to one input, or the word of a worker that is asking for it right now.

    A row without ``answered_at`` is such a word: others wait for it until ``leased_until``. An
    answer that could not be used stands here too, with its ``problem``: it was paid as well.
    """

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="llm_answers")
    cache_key = models.CharField(
        max_length=64, help_text="SHA-256 of prompt version, model, temperature and input."
    )
    prompt = models.CharField(max_length=60, help_text="Its name and version.")
    model = models.CharField(max_length=100, help_text="The model asked; then the dated one.")
    temperature = models.FloatField(null=True, help_text="As sent; empty where it took none.")
    text = models.TextField(blank=True)
    problem = models.CharField(max_length=300, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    is_estimated = models.BooleanField(default=False, help_text="The server told no usage.")
    micros = models.PositiveBigIntegerField(default=0, help_text="Millionths of a US dollar.")
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField()
    lease = models.CharField(max_length=32)

    class Meta:
        verbose_name = "answer of the language model"
        verbose_name_plural = "answers of the language model"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "cache_key"], name="llm_answer_once_per_input"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "asked_at"], name="llm_answer_by_time")]

    def __str__(self) -> str:
        return f"{self.prompt} {self.cache_key[:12]}"

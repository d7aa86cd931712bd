import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0005_results'),
    ]

    operations = [
        migrations.CreateModel(
            name='CustomerPast',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until', models.DateTimeField()),
                ('known', models.JSONField()),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['customer', 'until'], name='customer_past'), models.Index(fields=['until'], name='customer_past_until')],
            },
        ),
    ]
